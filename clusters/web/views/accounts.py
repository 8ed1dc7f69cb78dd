"""Signing in, and choosing a password of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.urls import reverse_lazy
from django.utils.translation import gettext as _

from clusters import services
from clusters.models import Account

if TYPE_CHECKING:
    from typing import Any

    from django.contrib.auth.forms import PasswordChangeForm
    from django.http import HttpResponse


class SignIn(LoginView):
    """The only page that strangers see; whoever is signed in already is led on."""

    template_name = "registration/login.html"
    redirect_authenticated_user = True


class OwnPassword(PasswordChangeView):
    """Replaces the password, also the one-time one of the first start."""

    template_name = "registration/password_change.html"
    success_url = reverse_lazy("clusters")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The page says why it comes first when the password is still the one-time one."""
        must = Account.objects.filter(user_id=self.request.user.pk, must_change_password=True).exists()
        return super().get_context_data(must_change=must, **kwargs)

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        """The new password is saved, and nothing stands in the way any longer."""
        answer = super().form_valid(form)
        services.password_changed(actor=form.user)
        messages.success(self.request, _("Your new password is in use."))
        return answer
