"""What an expression reads."""

import ibis.expr.operations as ops
import ibis.expr.types as ir


def tables_read(*tables: ir.Table) -> list[ops.DatabaseTable]:
    """The tables and views of an engine that `tables` are made from: Ibis' nodes, with name and namespace."""
    return [node for table in tables for node in table.op().find(ops.DatabaseTable)]
