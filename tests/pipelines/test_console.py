"""The terminal: data on stdout, talk on stderr, nothing folded that a program may read."""

from pipelines.console import complain, show_rows, warn

LONG = "word " * 100


def test_an_error_is_one_line_however_long(capsys):
    complain(LONG)
    warn(LONG)
    assert [len(line.split()) for line in capsys.readouterr().err.splitlines()] == [101, 101]


def test_a_table_of_intervals_is_not_folded_where_nobody_watches(capsys):
    cells = {f"figure {n}": "-0.1234 [-0.1234, -0.1234]" for n in range(7)}
    show_rows([{"model": "our model (logistic regression)"} | cells])
    assert len(capsys.readouterr().out.splitlines()) == 2
