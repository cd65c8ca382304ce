"""Our models beside others on public funnels: `python -m benchmarks.models`.

| module | what it does |
|---|---|
| `funnels`, `bank` | which rows are learnt from and judged on |
| `tasks` | one such question, written as files that every model reads |
| `contestants` | who takes part, and how each is started |
| `runs` | each in a process of its own, timed; what is done stays done |
| `ours`, `peer` | what runs in these processes |
| `environment` | the Python environment of the peers |
| `references` | the base rates that everybody is held against |
| `figures`, `page` | how good each is, and `docs/benchmarks.md` |
"""
