"""What the chapter theory/counting prints."""

import re

from tests.book.pages import of_page, outputs

NAME = "theory/counting"


def text_of(site, soups):
    return " ".join(of_page(site, soups, NAME).find("article").get_text().split())


def test_network_has_390_410_parameters_line_by_line(site, soups):
    printed = outputs(site, soups, NAME)
    for line in (
        r"\(5·5·3 \+ 1\)·32 += +2,432",
        r"\(5·5·32 \+ 1\)·64 += +51,264",
        r"\(5·5·64 \+ 1\)·128 += +204,928",
        r"\(2048 \+ 1\)·64 += +131,136",
        r"\(64 \+ 1\)·10 += +650",
        r"together +390,410",
        r"Keras: 390,410, our sum: 390,410",
        r"a walk through Keras' model: 390,410",
    ):
        assert re.search(line, printed), line
    text = text_of(site, soups)
    assert "The network has 390,410 parameters and multiplies 28.8 million times" in text
    assert "There are 298 of them" in text and "you get 390,112" in text and "4 × 4 × 128, that is 2,048" in text


def test_table_adds_up(site, soups):
    tables = of_page(site, soups, NAME).select("article table")
    (table,) = [t for t in tables if "values" in t.find("tr").get_text()]
    rows = [
        [cell.get_text(strip=True).replace(",", "") for cell in row.find_all("td")] for row in table.select("tr")[1:]
    ]
    layers, together = rows[1:-1], rows[-1]
    for column in (2, 3, 4):
        assert sum(int(row[column]) for row in layers) == int(together[column])
    convolutions = [row for row in layers if row[0].startswith("conv ")]
    # Rows times columns of the output, times the weights.
    assert [int(row[4]) for row in convolutions] == [
        32 * 32 * (5 * 5 * 3) * 32,
        16 * 16 * (5 * 5 * 32) * 64,
        8 * 8 * (5 * 5 * 64) * 128,
    ]


def test_costs_of_other_ways_are_those_that_one_counts(site, soups):
    printed = outputs(site, soups, NAME)
    dense = (32 * 32 * 3 + 1) * 32**3
    assert f"{dense:,} parameters" in printed
    pooled = 390_410 - (2048 - 128) * 64
    assert f"{pooled:,} instead of 390,410" in printed
    separable = 14 * 14 * (9 * 128 + 128 * 256), 9 * 128 + 128 * 256 + 256
    assert f"SeparableConv2D   {separable[1]:,} parameters,  {separable[0]:,} multiply-adds" in printed
    assert re.search(r"Conv2D multiply_adds +[\d,]+ → +[\d,]+ +times 4.00", printed)
    assert "896 more, of which 448 are trained" in printed
    values = 32 * 32 * 3 + 2 * 32**3 + 16 * 16 * 32 + 2 * 16 * 16 * 64 + 8 * 8 * 64 + 2 * 8 * 8 * 128 + 2 * 2048
    values += 64 + 64 + 10
    assert re.search(rf"values, 64 images +{4 * 64 * values / 1e6:.1f} MB", printed)
