"""AuditForm: the filter of the audit, from a page's address."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clusters.models import AuditEntry
from clusters.selectors import AuditFilter, audit_actions
from clusters.web.audit_words import words_for
from clusters.wizard.core.fields import give_choices

SHORT = 253
DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class AuditForm(forms.Form):
    """All fields are optional; days are in UTC. An invalid value is marked, and no entries are shown."""

    person = forms.CharField(label=_("Person"), max_length=SHORT, required=False)
    object = forms.CharField(label=_("Object"), max_length=SHORT, required=False)
    action = forms.ChoiceField(label=_("Action"), required=False)
    outcome = forms.ChoiceField(
        label=_("Outcome"), choices=[("", _("All outcomes")), *AuditEntry.Outcome.choices], required=False
    )
    since = forms.DateField(label=_("From"), widget=DAY, required=False)
    until = forms.DateField(label=_("To"), widget=DAY, required=False)

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        known = sorted(((deed, words_for(deed)) for deed in audit_actions()), key=lambda pair: pair[1].casefold())
        give_choices(self.fields["action"], [("", _("All actions")), *known])
        for field in self.fields.values():
            field.widget.attrs["class"] = "form-select" if isinstance(field, forms.ChoiceField) else "form-control"
        for name in self.errors:
            self.fields[name].widget.attrs["class"] += " is-invalid"

    def wanted(self) -> AuditFilter:
        """The filter; call it once the form is valid."""
        return AuditFilter(**self.cleaned_data)
