"""What the chapter theory/architectures shows: counted costs, gradients with and without skip connections, tables."""

import re

from tests.book.pages import of_page, outputs

NAME = "theory/architectures"


def text_of(site, soups):
    return " ".join(of_page(site, soups, NAME).find("article").get_text().split())


def cells(table):
    return [[cell.get_text(strip=True) for cell in row.find_all("td")] for row in table.select("tbody tr")]


def tables_with(site, soups, word):
    return [
        cells(table)
        for table in of_page(site, soups, NAME).select("article table")
        if word in table.find("tr").get_text()
    ]


def test_table_of_networks_has_the_costs_that_papers_give(site, soups):
    (rows,) = tables_with(site, soups, "published")
    table = {row[0].partition("[")[0].strip(): row[1:] for row in rows}
    assert list(table) == [
        *("VGG-16", "Inception-v3", "ResNet-50", "DenseNet-121", "Xception", "MobileNet", "MobileNetV2"),
        *("EfficientNet-B0", "ConvNeXt-T"),
    ]
    # Parameters in millions as the papers and Keras' documentation round them, multiply-adds as walked.
    assert [row[0] for row in table.values()] == ["138.4", "23.9", "25.6", "8.1", "22.9", "4.3", "3.5", "5.3", "28.6"]
    assert [row[1] for row in table.values()] == [
        *("15.47", "5.71", "3.87", "2.85", "8.38", "0.57", "0.31", "0.39", "4.46")
    ]
    assert all(re.search(r"\d{4}\]$", row[0]) for row in rows), "each has the paper that it is from"
    for name, row in table.items():
        for accuracy in row[3:]:
            assert 70 < float(accuracy.split()[0].rstrip("²")) < 83, name


def test_lenet_has_its_parameters(site, soups):
    printed = outputs(site, soups, NAME)
    assert re.search(r"together +61,706 parameters", printed)
    assert re.search(r"conv 3 +\(1, 1, 120\) +48,120 parameters", printed)


def test_blocks_cost_what_one_counts_by_hand(site, soups):
    printed = outputs(site, soups, NAME)
    inception = (192 + 1) * 64 + (192 + 1) * 96 + (9 * 96 + 1) * 128 + (192 + 1) * 16 + (25 * 16 + 1) * 32
    inception += (192 + 1) * 32
    assert f"Inception, first block of GoogLeNet, on 28 × 28 × 192:\n{inception:,} parameters" in printed
    # Convolutions without biases, and four numbers for each channel of a normalization.
    bottleneck = 256 * 64 + 9 * 64 * 64 + 64 * 256 + 4 * (64 + 64 + 256)
    assert f"ResNet-50, second block, on 56 × 56 × 256:\n{bottleneck:,} parameters" in printed
    convnext = (49 + 1) * 96 + 2 * 96 + (96 + 1) * 384 + (384 + 1) * 96
    assert f"ConvNeXt-T, first block, on 56 × 56 × 96:\n{convnext:,} parameters" in printed
    inverted = 24 * 144 + 9 * 144 + 144 * 24 + 4 * (144 + 144 + 24)
    assert f"MobileNetV2, third block, on 56 × 56 × 24:\n{inverted:,} parameters" in printed
    # 4 numbers of each normalization but that at the end; 10 channels in the squeeze.
    efficient = 40 * 240 + 25 * 240 + 240 * 40 + 4 * (240 + 240 + 40) + (240 + 1) * 10 + (10 + 1) * 240
    assert f"{efficient:,} parameters" in printed and "receptive field: None" in printed
    assert "channels: [96, 128]" in printed


def test_gradients_vanish_grow_or_stay(site, soups):
    printed = outputs(site, soups, NAME)
    found = {
        name.strip(): tuple(map(float, numbers))
        for name, *numbers in re.findall(
            r"^(plain|plain, batch norm\.|skip|skip, batch norm\.) +([\d.e+-]+) with 2 layers, ([\d.e+-]+) with 64: "
            r"factor ([\d.]+)",
            printed,
            flags=re.MULTILINE,
        )
    }
    assert set(found) == {"plain", "plain, batch norm.", "skip", "skip, batch norm."}
    assert found["plain"][1] < 1e-10 and 0.6 < found["plain"][2] < 0.72
    assert found["plain, batch norm."][1] > 1000 and 1.12 < found["plain, batch norm."][2] < 1.22
    assert 10 < found["skip"][1] < 1000
    few, many, _ = found["skip, batch norm."]
    assert 1 < many / few < 40


def test_designs_of_the_report_have_their_parameters(site, soups):
    printed, text = outputs(site, soups, NAME), text_of(site, soups)
    for name, parameters in (("baseline", "390,410"), ("first", "1,206,666"), ("second", "913,674")):
        assert re.search(rf"{name} +{parameters} trained parameters", printed)
    assert "the sides go 32–34–36–18–20–10, instead of" in text and "So 12,800 values reach" in text
    tables = tables_with(site, soups, "trained parameters")
    assert len(tables) == 2
    for rows, together in zip(tables, (1_206_666, 913_674), strict=True):
        numbers = [int(row[-1].replace(",", "")) for row in rows]
        assert numbers[-1] == sum(numbers[:-1]) == together
    assert ["dense", "64", "524,352"] in tables[0] and ["flatten", "12800", "0"] in tables[1]


def test_wrong_claims_are_named_and_answered(site, soups):
    boxes = [
        " ".join(box.get_text().split()) for box in of_page(site, soups, NAME).select("article .admonition.warning")
    ]
    (depth,) = [box for box in boxes if "depth perception" in box]
    assert "windows of different sizes in the image" in depth
    (many,) = [box for box in boxes if "large number of parameters" in box]
    assert "22,910,480, of which 22,855,952 are trained" in many
    (names,) = [box for box in boxes if "two networks with one name" in box.lower()]
    assert "3.87 billion" in names and "4.10 billion" in names
    assert any("32–34–36–18–20–10" in box for box in boxes)


def test_answers_of_the_exercises(site, soups):
    printed, text = outputs(site, soups, NAME), text_of(site, soups)
    assert "374,784" in printed and "times 2.6" in printed
    assert "bottleneck 69,632, C = 62.2" in printed and "as the walk above counted it: True" in printed
    assert "channels at the end: 256" in printed and printed.count("331,776") == 2
    assert "paths 65,536, with 8 changes 12,870, a share of 0.20" in printed
    assert "all paths 4.59 = 4.59" in printed
    assert "[32, 32, 16, 16, 8]" in printed and "together 618,762" in printed and "together 102,666" in printed
    assert "added: 231,211,008" in printed
    # Each exercise has its working in words, folded away.
    workings = of_page(site, soups, NAME).select("article .admonition.dropdown")
    assert len(workings) == len(re.findall(r"Show the working", text)) == 6
