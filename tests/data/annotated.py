"""Files to annotate, and what was read of them."""


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def listed(annotations, root):
    return [(str(r.path.relative_to(root)), annotations.class_names[r.label]) for r in annotations.records]
