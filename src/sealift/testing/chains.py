"""Builders of valid chains, and of chains with one thing wrong.

`sample_release()` is a small release in memory: a source, a fetch, a compile stage, a test, two
packages, and every statement about them, signed by a fixed key. `without` and `replacing` give the
refused neighbours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sealift.base.specs.bundle import Bundle, encode_bundle, parse_bundle, signed_payload
from sealift.base.specs.predicates import (
    BUILD_TYPE,
    BUILDER_LOCAL,
    CYCLONEDX_BOM,
    GATE_VERDICT,
    REPRODUCTION,
    SLSA_PROVENANCE,
    TEST_RESULT,
)
from sealift.base.specs.signatures import key_id_of
from sealift.base.specs.slsa import (
    Provenance,
    ResourceDescriptor,
    provenance_to_plain,
    tree_subject,
    tree_uri,
)
from sealift.base.specs.statement import Statement, Subject, encode_statement
from sealift.core.codec import Json
from sealift.core.digest import Digest
from sealift.core.published import ChainPolicy, PublishedArtifact, ReleaseDocument, TrustedKey
from sealift.core.signing import KeyRole

RELEASED_AT: Final = "2026-01-02T03:04:05Z"
COMMIT: Final = "c0ffee" * 6 + "c0ff"
DEMANDED: Final = (SLSA_PROVENANCE, REPRODUCTION, TEST_RESULT, CYCLONEDX_BOM, GATE_VERDICT)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleKey:
    """An ECDSA key that is the same in every test run. `number` picks another one."""

    number: int = 7

    @property
    def private(self) -> ec.EllipticCurvePrivateKey:
        """The private key; worth nothing."""
        return ec.derive_private_key(self.number, ec.SECP256R1())

    @property
    def pem(self) -> str:
        """The public key in PEM."""
        return (
            self.private.public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode("ascii")
        )

    @property
    def trusted(self) -> TrustedKey:
        """The key as a chain policy names it."""
        return TrustedKey(
            role=KeyRole.BUILDER,
            key_id=key_id_of(self.pem),
            scheme="ecdsa-p256-sha256",
            pem=self.pem,
        )

    def bundle(self, statement: Statement) -> bytes:
        """Sign a statement; return the bundle as one line without its newline."""
        data = encode_statement(statement)
        signature = self.private.sign(
            signed_payload(data), ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        )
        return encode_bundle(data, signature, key_id_of(self.pem))


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRelease:
    """A release in memory. `statements` go by the names that the attest station gives them."""

    project: str
    version: str
    files: Mapping[str, bytes]
    source_tree: Digest
    statements: Mapping[str, Statement]
    key: SampleKey = SampleKey()

    def without(self, *names: str) -> "SampleRelease":
        """Return the release lacking some statements; raise KeyError for one that is not there."""
        kept = dict(self.statements)
        for name in names:
            del kept[name]
        return replace(self, statements=kept)

    def replacing(self, **changed: Statement) -> "SampleRelease":
        """Return the release with statements changed or added; `_` in a name stands for `-`."""
        renamed = {name.replace("_", "-"): statement for name, statement in changed.items()}
        return replace(self, statements={**self.statements, **renamed})

    @property
    def lines(self) -> tuple[bytes, ...]:
        """Every bundle, in order."""
        return tuple(self.key.bundle(statement) for statement in self.statements.values())

    @property
    def attestations(self) -> bytes:
        """The bytes of `attestations.jsonl`."""
        return b"".join(line + b"\n" for line in self.lines)

    @property
    def bundles(self) -> tuple[Bundle, ...]:
        """Every bundle, parsed."""
        return tuple(parse_bundle(line) for line in self.lines)

    def digest(self, name: str) -> Digest:
        """Return the digest of the file `name`."""
        return Digest.of(self.files[name])

    def document(self) -> ReleaseDocument:
        """Return what `release.json` says."""
        return ReleaseDocument(
            project=self.project,
            version=self.version,
            licence="MIT",
            released_at=RELEASED_AT,
            commit=COMMIT,
            tag=f"v{self.version}",
            source_tree=self.source_tree,
            plan=Digest.of(b"plan"),
            artifacts=tuple(
                PublishedArtifact(
                    name=name,
                    kind=_kind(name),
                    platform="any" if name.endswith(".whl") else "linux/amd64",
                    sha256=Digest.of(data).hex,
                    size_bytes=len(data),
                )
                for name, data in sorted(self.files.items())
            ),
            attestations=Digest.of(self.attestations),
            gate_policy="starter",
            gate_outcome="pass",
            verdicts=(),
            not_assessed=(),
        )

    def policy(self, *, floor: str = "", released: tuple[str, ...] = ()) -> ChainPolicy:
        """Return a policy that demands everything; by default it knows this version only."""
        return ChainPolicy(
            project=self.project,
            floor=floor or self.version,
            released=released or (self.version,),
            keys=(self.key.trusted,),
            builders=(BUILDER_LOCAL,),
            predicates=DEMANDED,
        )


def sample_release(
    *, project: str = "jq", version: str = "1.8.2", files: tuple[str, ...] = ()
) -> SampleRelease:
    """Return a valid release whose files are a tarball and a Debian package, or `files`."""
    names = files or (f"{project}-{version}-linux-amd64.tar.gz", f"{project}_{version}_amd64.deb")
    contents = {name: f"the bytes of {name}\n".encode() * 50 for name in names}
    trees = {
        stage: Digest.of(f"{project} {version} {stage}".encode())
        for stage in ("source", "dependencies", "compile", "check", *names)
    }
    road = _Road(project=project, version=version, trees=trees)
    artifacts = tuple(Subject(name=name, digest=Digest.of(data)) for name, data in contents.items())
    statements = {
        "provenance-source": road.source(),
        "provenance-dependencies": road.made("dependencies", "fetch", (), _download()),
        "provenance-compile": road.made("compile", "build", ("source", "dependencies")),
        "provenance-check": road.made("check", "test", ("source", "compile")),
        "reproduction-compile": road.reproduced("compile"),
        "test-check": Statement(
            subjects=artifacts,
            predicate_type=TEST_RESULT,
            predicate={
                "result": "PASSED",
                "configuration": [{"name": "check", "digest": {"sha256": Digest.of(b"check").hex}}],
            },
        ),
        "gate": Statement(
            subjects=artifacts,
            predicate_type=GATE_VERDICT,
            predicate={
                "project": project,
                "version": version,
                "outcome": "pass",
                "policy": "starter",
            },
        ),
    }
    for artifact in artifacts:
        made = road.made(artifact.name, "package", ("compile",))
        statements |= {
            f"provenance-{artifact.name}": replace(made, subjects=(*made.subjects, artifact)),
            f"reproduction-{artifact.name}": road.reproduced(artifact.name),
            f"sbom-{artifact.name}": Statement(
                subjects=(artifact,),
                predicate_type=CYCLONEDX_BOM,
                predicate={"bomFormat": "CycloneDX", "components": [{"name": "libc6"}]},
            ),
        }
    return SampleRelease(
        project=project,
        version=version,
        files=contents,
        source_tree=trees["source"],
        statements=statements,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Road:
    project: str
    version: str
    trees: Mapping[str, Digest]

    def made(
        self,
        stage: str,
        kind: str,
        inputs: tuple[str, ...],
        *others: ResourceDescriptor,
    ) -> Statement:
        """Return the provenance of one action that reads the trees of `inputs`."""
        trees = tuple(
            ResourceDescriptor(name=name, uri=tree_uri(name), sha256=self.trees[name])
            for name in inputs
        )
        parameters: dict[str, Json] = {
            "stage": stage,
            "kind": kind,
            "project": self.project,
            "version": self.version,
            "command": ["make"],
        }
        provenance = Provenance(
            build_type=BUILD_TYPE,
            external_parameters=parameters,
            internal_parameters={"action": str(Digest.of(stage.encode()))},
            resolved_dependencies=trees + others,
            builder_id=BUILDER_LOCAL,
            invocation_id="sample",
            started_on=RELEASED_AT,
            finished_on=RELEASED_AT,
        )
        return Statement(
            subjects=(Subject(name=tree_subject(stage), digest=self.trees[stage]),),
            predicate_type=SLSA_PROVENANCE,
            predicate=provenance_to_plain(provenance),
        )

    def source(self) -> Statement:
        commit = ResourceDescriptor(name="commit", uri="git+commit", git_commit=COMMIT)
        archive = ResourceDescriptor(
            name="upstream.tar.gz", uri="urn:sealift:upstream", sha256=Digest.of(b"upstream")
        )
        return self.made("source", "source", (), commit, archive)

    def reproduced(self, stage: str) -> Statement:
        return Statement(
            subjects=(Subject(name=tree_subject(stage), digest=self.trees[stage]),),
            predicate_type=REPRODUCTION,
            predicate={
                "outcome": "identical",
                "action": str(Digest.of(stage.encode())),
                "perturbations": {"clock": "+400 days", "umask": "0077"},
            },
        )


def _download() -> ResourceDescriptor:
    return ResourceDescriptor(
        name="setuptools.whl", uri="pkg:pypi/setuptools@80", sha256=Digest.of(b"setuptools")
    )


def _kind(name: str) -> str:
    endings = {".deb": "deb", ".whl": "wheel", "-linux-amd64.tar.gz": "tar", ".tar.gz": "sdist"}
    return next(kind for ending, kind in endings.items() if name.endswith(ending))
