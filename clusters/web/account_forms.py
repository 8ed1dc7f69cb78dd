"""The forms that take passwords: each of them counts, and says in words when it takes none for a while."""

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

    from django.http import HttpRequest


class SignInForm(AuthenticationForm):
    """Name and password. What is said of a wrong one does not depend on whether there is such a name."""

    def get_invalid_login_error(self) -> ValidationError:
        """Why nobody was signed in."""
        refusal = getattr(self.request, "password_refusal", None)
        return ValidationError(refusal.with_hint) if refusal else super().get_invalid_login_error()


class PasswordAgainForm(forms.Form):
    """The password of the signed-in user. `refusal` is set when it was not checked."""

    password = forms.CharField(strip=False, widget=forms.PasswordInput)
    refusal: services.TooManyTries | None = None

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        self.request = request
        super().__init__(*args, **kwargs)

    def clean_password(self) -> str:
        """Look at it."""
        return _checked(self, self.request, self.request.user, self.cleaned_data["password"], _("Wrong password."))


class OwnPasswordForm(PasswordChangeForm):
    """The old password and twice the new one. `refusal` is set when the old one was not looked at."""

    refusal: services.TooManyTries | None = None

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        self.request = request
        super().__init__(*args, **kwargs)

    def clean_old_password(self) -> str:
        """Look at the old one."""
        wrong = self.error_messages["password_incorrect"]
        return _checked(self, self.request, self.user, self.cleaned_data["old_password"], wrong)


def _checked(
    form: PasswordAgainForm | OwnPasswordForm, request: HttpRequest, user: Any, password: str, wrong: str
) -> str:
    try:
        if not is_password_of(request, user, password):
            raise ValidationError(wrong, code="password_incorrect")
    except services.TooManyTries as refusal:
        form.refusal = refusal
        raise ValidationError(refusal.with_hint, code="too_many_tries") from refusal
    return password
