"""Extended attributes that belong into a layer, and those that belong to the machine."""

import errno
import os

from lazyimg.content.local import failure

_OF_THE_MACHINE = (
    "system.",  # access control lists, in the kernel's own form
    "security.selinux",
    "security.apparmor",
    "security.SMACK64",
    "security.evm",
    "security.ima",
    "trusted.overlay.",
    "user.overlay.",
)
_NONE = {errno.ENOTSUP, errno.ENODATA}


def xattrs(path: bytes) -> dict[str, bytes]:
    """Return the extended attributes of ``path`` itself, such as capabilities; empty where there are none.

    Raises:
        SourceError: the system could not read them.
    """
    try:
        names = os.listxattr(path, follow_symlinks=False)
        return {
            name: os.getxattr(path, name, follow_symlinks=False)
            for name in names
            if not name.startswith(_OF_THE_MACHINE)
        }
    except OSError as error:
        if error.errno in _NONE:
            return {}
        raise failure(error, "read the extended attributes of", path) from error
