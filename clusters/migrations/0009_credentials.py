"""Credentials with a name become a table, and a connection test remembers who asked for it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import clusters.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("clusters", "0008_listed_columns"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="probe",
            name="asked_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.CreateModel(
            name="Credential",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=63, unique=True)),
                ("login", models.CharField(blank=True, max_length=128)),
                ("password", clusters.models.fields.EncryptedTextField(blank=True)),
                ("private_key", clusters.models.fields.EncryptedTextField(blank=True)),
                ("passphrase", clusters.models.fields.EncryptedTextField(blank=True)),
                ("agent_key", models.CharField(blank=True, max_length=253)),
                ("networks", models.CharField(blank=True, max_length=1000)),
                ("version", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("changed_at", models.DateTimeField(auto_now_add=True)),
                (
                    "owner",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="credentials",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "users",
                    models.ManyToManyField(blank=True, related_name="shared_credentials", to=settings.AUTH_USER_MODEL),
                ),
            ],
            options={
                "ordering": ("name",),
            },
        ),
    ]
