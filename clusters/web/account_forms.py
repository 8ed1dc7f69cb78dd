"""The forms that accept passwords: each counts attempts, and explains when it accepts none for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from clusters import services
from clusters.web.passwords import is_password_of

if TYPE_CHECKING:
    from typing import Any

    from django.contrib.auth.models import User

    from clusters.services.requests import UserRequest


class SignInForm(AuthenticationForm):
    """Name and password. The message about wrong ones does not depend on whether the name exists."""

    def get_invalid_login_error(self) -> ValidationError:
        """Why nobody was signed in."""
        refusal = getattr(self.request, "password_refusal", None)
        return ValidationError(refusal.with_hint) if refusal else super().get_invalid_login_error()


class PasswordAgainForm(forms.Form):
    """The password of the signed-in user. `refusal` is set when it was not checked."""

    password = forms.CharField(strip=False, widget=forms.PasswordInput)
    refusal: services.TooManyTries | None = None

    def __init__(self, request: UserRequest, *args: Any, **kwargs: Any) -> None:
        self.request = request
        super().__init__(*args, **kwargs)

    def clean_password(self) -> str:
        """Check it."""
        password = self.cleaned_data["password"]
        return _check_password(self, self.request, self.request.user, password, _("Wrong password."))


class OwnPasswordForm(PasswordChangeForm):
    """The old password and twice the new one. `refusal` is set when the old one was not checked."""

    refusal: services.TooManyTries | None = None

    def __init__(self, request: UserRequest, *args: Any, **kwargs: Any) -> None:
        self.request = request
        super().__init__(*args, **kwargs)

    def clean_old_password(self) -> str:
        """Check the old one."""
        wrong = str(self.error_messages["password_incorrect"])
        return _check_password(self, self.request, self.user, self.cleaned_data["old_password"], wrong)


def _check_password(
    form: PasswordAgainForm | OwnPasswordForm, request: UserRequest, user: User, password: str, wrong: str
) -> str:
    try:
        if not is_password_of(request, user, password):
            raise ValidationError(wrong, code="password_incorrect")
    except services.TooManyTries as refusal:
        form.refusal = refusal
        raise ValidationError(refusal.with_hint, code="too_many_tries") from refusal
    return password
