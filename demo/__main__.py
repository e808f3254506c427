"""`make demo`: release two real projects from source to a verified install."""


def main() -> None:
    """Run the demo."""


if __name__ == "__main__":
    main()
