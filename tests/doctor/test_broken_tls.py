"""TLS on the way to the forge, by real handshakes: what is wrong with a certificate, and that `forge.ca_file` mends it
for the API and for Git alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from doctor_place import Authority, Place, tls


async def test_a_certificate_of_an_authority_of_ones_own_is_mended_by_ca_file() -> None:
    """Guards the one setting: what serves the API must serve the git program too, or every repository fails."""
    async with Place() as place:
        authority = Authority(place.root)
        async with tls(place.forge.url, authority.context("127.0.0.1")) as url:
            place.configure(url=url)
            (await place.doctor()).named("forge", "does not know the authority", remedy="forge.ca_file")
            place.configure(url=url, forge='ca_file = "authority.pem"')
            found = await place.doctor("--no-delivery")
            found.healthy()
            assert "a commit was fetched" in found.one("git over http").what
            swept = await place.command("sweep", "--json")
            assert swept.code == 0, swept


async def test_git_that_does_not_know_the_authority_is_told_apart(monkeypatch: object) -> None:
    """SSL_CERT_FILE serves Python, and the git program only where its curl is built with OpenSSL."""
    async with Place() as place:
        authority = Authority(place.root)
        async with tls(place.forge.url, authority.context("127.0.0.1")) as url:
            place.configure(url=url, forge='git = "deaf-git"'.replace("deaf-git", "./deaf-git"))
            deaf = place.root / "deaf-git"
            deaf.write_text('#!/bin/sh\nunset SSL_CERT_FILE\nexec git -c http.sslVerify=true "$@"\n')
            deaf.chmod(0o755)
            found = await place.doctor("--no-delivery", environ={"SSL_CERT_FILE": str(authority.file)})
            found.named("git over http", "git cannot fetch", remedy="forge.ca_file")


async def test_a_self_signed_certificate() -> None:
    async with Place() as place:
        authority = Authority(place.root)
        async with tls(place.forge.url, authority.itself(place.root)) as url:
            place.configure(url=url)
            (await place.doctor()).named("forge", "self-signed", remedy="forge.ca_file")


async def test_a_certificate_for_another_host() -> None:
    async with Place() as place:
        authority = Authority(place.root)
        async with tls(place.forge.url, authority.context("git.example.org")) as url:
            place.configure(url=url, forge='ca_file = "authority.pem"')
            (await place.doctor()).named("forge", "for another host", "127.0.0.1", remedy="certificate for 127.0.0.1")


async def test_a_certificate_that_has_expired_or_is_not_valid_yet() -> None:
    async with Place() as place:
        authority, now = Authority(place.root), datetime.now(UTC)
        past = authority.context("127.0.0.1", not_after=now - timedelta(days=1))
        async with tls(place.forge.url, past) as url:
            place.configure(url=url, forge='ca_file = "authority.pem"')
            (await place.doctor()).named("forge", "has expired", remedy="renew")


async def test_a_ca_file_of_somebody_else() -> None:
    async with Place() as place:
        authority, other = Authority(place.root), Authority(place.root)
        async with tls(place.forge.url, authority.context("127.0.0.1")) as url:
            place.configure(url=url, forge='ca_file = "authority.pem"')  # `other` was written last
            assert other.file.exists()
            (await place.doctor()).named("forge", "forge.ca_file", "does not hold", remedy="authority's certificate")


async def test_a_ca_file_without_certificates() -> None:
    async with Place() as place:
        (place.root / "authority.pem").write_text("nothing of the kind")
        place.configure(url="https://127.0.0.1:1", forge='ca_file = "authority.pem"')
        (await place.doctor()).named("forge", "holds no certificates", remedy="PEM")
        place.refused(await place.command("sweep"), "forge.ca_file", "PEM")


async def test_https_to_a_server_that_speaks_http() -> None:
    async with Place() as place:
        place.configure(url=place.forge.url.replace("http:", "https:"))
        (await place.doctor()).named("forge", "no TLS", remedy="http://")


async def test_a_daemon_that_trusts_nobody_says_so_once_in_its_log() -> None:
    """Guards the start: it serves what it has, and the cause stands in one line of the log, with its remedy."""
    async with Place() as place:
        authority = Authority(place.root)
        async with tls(place.forge.url, authority.context("127.0.0.1")) as url:
            place.configure(url=url)
            ran = await place.command("sweep", "--json")
            assert ran.code == 3
            assert "does not know the authority" in ran.out
            assert "forge.ca_file" in ran.out
