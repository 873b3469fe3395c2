"""Fields of a user's own class that would hide what every image can do."""

import inspect


def refuse_hiding(cls: type, face: type) -> None:
    """Refuse a class with a field that is called like a method of ``face``.

    Raises:
        TypeError: there is one.
    """
    hidden = [name for name in inspect.get_annotations(cls) if callable(getattr(face, name, None))]
    if hidden:
        raise TypeError(
            f"{cls.__qualname__}.{hidden[0]} would hide {face.__qualname__}.{hidden[0]}(): name the field "
            "otherwise"
        )
