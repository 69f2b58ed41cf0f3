"""Start the page: `python app.py`, then open the address it prints. `python app.py --help`."""

from app.settings import parse_arguments


def main() -> None:
    """Parse arguments, build the page, serve it until interrupted."""
    settings = parse_arguments()

    from app.page import serve

    serve(settings)


if __name__ == "__main__":
    main()
