"""x"""


def report(r):
    pass


def chosen(r, run):
    return r
