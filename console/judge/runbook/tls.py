"""The runbook's pages about certificates: T7xx."""

from __future__ import annotations

from console.judge.runbook.entry import Entry
from console.model.facts import Severity

OLD = "the certificate was renewed and the service not restarted since: it shows what it has read at its start"
KNOWN = "A TLS handshake with each port that the profile lists (`tls_ports`, `scheme: https`), made on the node."

ENTRIES = (
    Entry(
        "T701",
        "certificate-expired",
        Severity.CRITICAL,
        title="a service's certificate is out of date",
        means="Whoever checks it turns away, and health checks do not notice: the authz-server gets no secret "
        "or policy from the apiserver's gRPC port, and answers 500 for what it has not cached.",
        known_by=KNOWN,
        causes=("nobody renewed it", OLD, "the node's or the operator's clock is wrong"),
        steps=(
            "look: openssl x509 -noout -dates -in FILE on the node",
            "iamops restart iam-apiserver iam-b --dry-run",
        ),
    ),
    Entry(
        "T702",
        "certificate-expires-soon",
        Severity.WARNING,
        title="a service's certificate expires soon",
        means="Within `tls.warn_days` (21 by default) it is turned away.",
        known_by=KNOWN,
        causes=("its renewal is not automatic, or has failed", OLD),
        steps=("look: openssl x509 -noout -dates -in FILE on the node",),
    ),
    Entry(
        "T703",
        "certificate-name",
        Severity.CRITICAL,
        title="a service's certificate is for another name",
        means="Clients that check the name turn away. A common name alone counts for nothing any more (RFC 6125).",
        known_by=f"{KNOWN} The name is `tls_name`, `tls.name` or the service's domain.",
        causes=("another service's certificate was installed", "a new name was not put into it"),
        steps=("look: openssl x509 -noout -ext subjectAltName -in FILE on the node",),
    ),
    Entry(
        "T704",
        "certificate-untrusted",
        Severity.CRITICAL,
        title="a service's certificate is not of the profile's CA",
        means="Clients that know that CA only turn away.",
        known_by=f"{KNOWN} OpenSSL checks the chain against `tls.ca`, a file on the operator's machine.",
        causes=("it is self-signed or of an old CA", "the intermediate certificate is not sent along"),
        steps=("look: openssl verify -CAfile CA FILE on the node",),
    ),
    Entry(
        "T705",
        "no-tls",
        Severity.WARNING,
        title="a TLS port of a running service shows no certificate",
        means="Nobody gets in there: the port is closed, hangs or does not speak TLS.",
        known_by=KNOWN,
        causes=("TLS is switched off in the service's configuration", "its certificate or key cannot be read"),
        steps=("look: journalctl -u UNIT on the node",),
    ),
)
