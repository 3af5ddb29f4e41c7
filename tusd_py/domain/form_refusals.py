"""The refusals of forms by which clients send files (multipart/form-data)."""

from __future__ import annotations

from tusd_py.domain.refusals import Refusal


class BadForm(Refusal):
    """The form doesn't follow its grammar (RFC 7578), its end is missing, or it exceeds a limit of the parser: on the
    header fields of a part, or on bytes outside of parts, for example."""

    code = "bad-form"


class BadField(Refusal):
    """A field's name can't be a metadata key."""

    code = "bad-field"

    def __init__(self) -> None:
        super().__init__("a field's name must be visible ASCII without commas, and not empty")


class NoFile(Refusal):
    """The form has no file."""

    code = "no-file"

    def __init__(self) -> None:
        super().__init__("the form has no file: choose one")


class FieldsAfterFile(Refusal):
    """A field comes after a file: metadata of the file must come before it."""

    code = "fields-after-file"

    def __init__(self) -> None:
        super().__init__("a field comes after the first file: put the fields before the files")


class TooManyFields(Refusal):
    """The form has more fields than the server takes."""

    code = "too-many-fields"


class FieldsTooLarge(Refusal):
    """The values of the form's fields, or their names, have more bytes together than the server takes."""

    code = "fields-too-large"


class TooManyFiles(Refusal):
    """The form has more files than the server takes, or more file inputs left empty than that."""

    code = "too-many-files"
