"""The runbook's pages about configuration files (T5xx), iamops itself (T6xx) and certificates (T7xx)."""

from __future__ import annotations

from iamops.judge.runbook.entry import RunbookEntry
from iamops.model.facts import Severity

OLD = "the certificate was renewed and the service not restarted since: it shows what it has read at its start"
KNOWN = "A TLS handshake with each port that the profile lists (`tls_ports`, `scheme: https`), made on the node."

ENTRIES = (
    RunbookEntry(
        "T501",
        "config-drift",
        Severity.WARNING,
        title="files differ from what the profile asks for",
        means="The next push or restart changes more than anyone expects.",
        known_by="Every managed file on the node against what the profile renders.",
        causes=("somebody edited a file by hand", "the profile changed since the last push"),
        steps=("iamops config diff", "iamops config push --dry-run"),
    ),
    RunbookEntry(
        "T502",
        "config-not-loaded",
        Severity.WARNING,
        title="a daemon runs with older files than those on its disk",
        means="What is on the disk is not what runs: the next restart brings it in.",
        known_by=("stat of the .conf files against the time the daemon last read them, both by the node's clock."),
        causes=("a file was edited and the daemon not reloaded", "a reload that failed"),
        steps=("iamops config diff", "iamops reload nginx NODE --dry-run"),
    ),
    RunbookEntry(
        "T601",
        "part-failing",
        Severity.WARNING,
        title="a part of iamops fails and is begun again",
        means="What it reads is unknown until it succeeds; everything else is watched as before.",
        known_by="An error that nobody expected, in a collector, a probe, a watch or a rule.",
        causes=("a fault of iamops: an answer of a node or a file in a shape that it does not know",),
        steps=("look: run iamops again with IAMOPS_DEBUG=1, and report what it prints",),
    ),
    RunbookEntry(
        "T602",
        "part-still",
        Severity.CRITICAL,
        title="a part of iamops stands still",
        means="What it reads is old, and nothing new is told of it.",
        known_by="A part that gives a sign of life with every round has given none for many rounds.",
        causes=(
            "this machine is overloaded or was suspended",
            "a disk or a name server that it waits for hangs",
            "a fault of iamops",
        ),
        steps=("look: is this machine overloaded, or its disk hung? then start iamops anew",),
    ),
    RunbookEntry(
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
    RunbookEntry(
        "T702",
        "certificate-expires-soon",
        Severity.WARNING,
        title="a service's certificate expires soon",
        means="Within `tls.warn_days` (21 by default) it is turned away.",
        known_by=KNOWN,
        causes=("its renewal is not automatic, or has failed", OLD),
        steps=("look: openssl x509 -noout -dates -in FILE on the node",),
    ),
    RunbookEntry(
        "T703",
        "certificate-name",
        Severity.CRITICAL,
        title="a service's certificate is for another name",
        means="Clients that check the name turn away. A common name alone counts for nothing any more (RFC 6125).",
        known_by=f"{KNOWN} The name is `tls_name`, `tls.name` or the service's domain.",
        causes=("another service's certificate was installed", "a new name was not put into it"),
        steps=("look: openssl x509 -noout -ext subjectAltName -in FILE on the node",),
    ),
    RunbookEntry(
        "T704",
        "certificate-untrusted",
        Severity.CRITICAL,
        title="a service's certificate is not of the profile's CA",
        means="Clients that know that CA only turn away.",
        known_by=f"{KNOWN} OpenSSL checks the chain against `tls.ca`, a file on the operator's machine.",
        causes=("it is self-signed or of an old CA", "the intermediate certificate is not sent along"),
        steps=("look: openssl verify -CAfile CA FILE on the node",),
    ),
    RunbookEntry(
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
