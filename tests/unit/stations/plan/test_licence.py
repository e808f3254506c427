import pytest

from sealift.stations.plan.licence import (
    canonical_expression,
    check_expression,
    expression_of_metadata,
    expression_of_text,
)


@pytest.mark.parametrize(
    "expression",
    ["MIT", "MIT OR Apache-2.0", "GPL-2.0-or-later WITH Classpath-exception-2.0", "NOASSERTION"],
)
def test_spdx_expression_is_accepted(expression: str) -> None:
    assert check_expression(expression) == ""


def test_private_licence_has_a_reference() -> None:
    assert check_expression("LicenseRef-Our-Terms") == ""
    assert check_expression("LicenseRef-our terms")


@pytest.mark.parametrize("text", ["BSD", "MIT AND", "(MIT", "", "MIT OR OR MIT", "MIT WITH MIT"])
def test_text_that_is_no_expression_is_refused(text: str) -> None:
    assert check_expression(text)
    assert canonical_expression(text) == ""


def test_metadata_speaks_in_the_order_of_its_precision() -> None:
    mit = "License :: OSI Approved :: MIT License"
    bsd = "License :: OSI Approved :: BSD License"
    assert expression_of_metadata(expression="MIT", licence="Apache-2.0") == "MIT"
    assert expression_of_metadata(licence="Apache-2.0", classifiers=(mit,)) == "Apache-2.0"
    assert expression_of_metadata(licence="See the file", classifiers=(mit,)) == "MIT"
    # "BSD License" may be any of four, so it is none.
    assert expression_of_metadata(licence="BSD", classifiers=(bsd,)) == ""
    assert expression_of_metadata(classifiers=(mit, bsd)) == ""


MIT = """jq is copyright (C) 2012 Stephen Dolan

Permission is hereby granted, free of charge, to any person obtaining
a copy of this software and associated documentation files"""
BSD = """Copyright (c) 2020, Someone
Redistribution and use in source and binary forms, with or without modification, are permitted"""


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        (MIT, "MIT"),
        ("   Apache License\n  Version 2.0, January 2004\n http://www.apache.org", "Apache-2.0"),
        (BSD, "BSD-2-Clause"),
        (BSD + "\n3. Neither the name of the copyright holder", "BSD-3-Clause"),
        ("GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007", "GPL-3.0-only"),
        ("GNU GENERAL PUBLIC LICENSE\n Version 2, June 1991", "GPL-2.0-only"),
        ("GNU LESSER GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007", "LGPL-3.0-only"),
        ("Mozilla Public License Version 2.0\n====", "MPL-2.0"),
        ("All rights reserved.", "NOASSERTION"),
        ("", "NOASSERTION"),
    ],
)
def test_licence_is_recognised_by_its_first_lines(text: str, expression: str) -> None:
    assert expression_of_text(text) == expression
