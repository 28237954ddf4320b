"""The parts of the lab that boots real Xen under QEMU; see ../README.md."""


class LabError(Exception):
    """The lab cannot do what was asked; the text is for the person who asked."""
