"""The pages of Slipway, except the wizard's."""
