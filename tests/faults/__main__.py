"""Write the fault matrix page of the docs."""

from .page import PATH, page

if __name__ == "__main__":
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(page(), encoding="utf-8")
