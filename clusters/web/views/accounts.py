"""Signing in and out, changing the password, and confirming it before secrets are handed out."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.http import Http404, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from clusters import services
from clusters.selectors import has_one_time_password
from clusters.web.account_forms import OwnPasswordForm, PasswordAgainForm, SignInForm
from clusters.web.passwords import note_password, own_address, remember_browser

if TYPE_CHECKING:
    from typing import Any

    from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
    from django.http import HttpRequest, HttpResponse

    from clusters.services.requests import UserRequest


class SignIn(LoginView):
    """The only page without a login; a user who is already signed in is redirected."""

    template_name = "registration/login.html"
    redirect_authenticated_user = True
    authentication_form = SignInForm

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Signed in: mark this browser as known."""
        answer = super().form_valid(form)
        remember_browser(answer, form.get_user().get_username())
        return answer

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Not signed in: the status shows clients when to try again."""
        return _limited(super().form_invalid(form), getattr(self.request, "password_refusal", None))


class SignOut(LogoutView):
    """Ends the session, and makes the browser delete its cached pages."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Cookies stay: the session's is removed anyway; the other one prevents guessers from locking users out."""
        answer = super().post(request, *args, **kwargs)
        answer["Clear-Site-Data"] = '"cache", "storage"'
        return answer


class OwnPassword(PasswordChangeView):
    """Replaces the password, also a one-time one; sessions in other browsers end."""

    template_name = "registration/password_change.html"
    request: UserRequest
    success_url = reverse_lazy("clusters")
    form_class = OwnPasswordForm

    def get_form_kwargs(self) -> dict[str, Any]:
        """The form counts wrong old passwords by their origin."""
        return {**super().get_form_kwargs(), "request": self.request}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With a one-time password the page explains why it must be changed first."""
        return super().get_context_data(must_change=has_one_time_password(self.request.user), **kwargs)

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        """Save the new password; other pages can be opened from now on."""
        answer = super().form_valid(form)
        services.password_changed(actor=form.user)
        services.sessions_end_others(actor=form.user, keep=self.request.session.row_key)
        note_password(self.request)
        messages.success(self.request, _("Your password was changed."))
        return answer

    def form_invalid(self, form: PasswordChangeForm) -> HttpResponse:
        """The old password is wrong, or the new one is not accepted."""
        return _limited(super().form_invalid(form), getattr(form, "refusal", None))


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def password_again(request: UserRequest) -> HttpResponse:
    """Ask for the password, then return to the page that needs it."""
    to = own_address(request, request.POST.get("next") or request.GET.get("next", ""))
    form = PasswordAgainForm(request, request.POST or None)
    if request.method == "POST" and form.is_valid():
        note_password(request)
        messages.success(
            request, _("Password confirmed: secrets are shown and can be downloaded for the next ten minutes.")
        )
        return redirect(to)
    return _limited(render(request, "registration/password_again.html", {"form": form, "next": to}), form.refusal)


@login_not_required
def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """The admin has no separate login page, because that would be a second one to protect."""
    if request.user.is_authenticated:
        raise Http404("Only administrators see the admin.")
    to = request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index")
    return redirect(f"{reverse('login')}?{urlencode({REDIRECT_FIELD_NAME: to})}")


@require_GET
def page_token(request: UserRequest) -> JsonResponse:
    """The token of this browser's forms, and its user: signing in in another tab replaces the token of a page."""
    return JsonResponse({"token": get_token(request), "user": str(request.user.pk)})


def token_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form whose token is not the browser's; the header shows scripts that a new token helps."""
    answer = render(request, "403_csrf.html", status=HTTPStatus.FORBIDDEN)
    answer["X-Token-Refused"] = "yes"
    return answer


def _limited(answer: HttpResponse, refusal: Exception | None) -> HttpResponse:
    """The response, with the status that shows when the next password is checked."""
    if isinstance(refusal, services.TooManyTries):
        answer.status_code = 429
        answer["Retry-After"] = str(max(1, int((refusal.until - timezone.now()).total_seconds()) + 1))
    return answer
