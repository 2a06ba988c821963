"""Tables as spreadsheets and other programs save them."""

import re

import pandas as pd


def german(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, sep=";", decimal=",", lineterminator="\r\n").encode(
        "utf-8-sig"
    )


def american(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig")


def unicode_text(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, sep="\t", lineterminator="\r\n").encode("utf-16")


def with_separator_line(table: pd.DataFrame) -> bytes:
    return b"sep=;\r\n" + table.to_csv(index=False, sep=";").encode()


def quoted(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, quoting=1).encode()


def indexed(table: pd.DataFrame) -> bytes:
    return table.to_csv().encode()


def with_blank_lines(table: pd.DataFrame) -> bytes:
    lines = table.to_csv(index=False).splitlines()
    return "\n".join(["", *lines[:5], "", ",,,,,,,,,", *lines[5:], "", "   ", ""]).encode()


def with_trailing_separators(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False).replace("\n", ",,,\n").encode()


def without_last_separators(table: pd.DataFrame) -> bytes:
    return re.sub(r",(?=\n)", "", table.to_csv(index=False)).encode()


def with_other_columns_first(table: pd.DataFrame) -> bytes:
    return table[table.columns[::-1]].to_csv(index=False).encode()


def with_other_rows_first(table: pd.DataFrame) -> bytes:
    return table.sort_values(["frame", "cell"], ascending=False).to_csv(index=False).encode()


def latin_1(table: pd.DataFrame) -> bytes:
    return table.assign(comment="schön").to_csv(index=False, sep=";").encode("latin-1")


def rounded(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, float_format="%.4g").encode()


def with_comment(table: pd.DataFrame) -> bytes:
    return b'"# inspected by me",,,,\n' + table.to_csv(index=False).encode()


def mac(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\r").encode()


SPREADSHEETS = [
    german, american, unicode_text, with_separator_line, quoted, indexed, with_blank_lines,
    with_trailing_separators, without_last_separators, with_other_columns_first,
    with_other_rows_first, latin_1, rounded, with_comment, mac,
]  # fmt: skip
