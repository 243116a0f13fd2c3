"""All commands, each a module of its own."""

import typer

from labrunner.cli import cloud, listing, planning, running, sql, ssh, tearing, validating

app = typer.Typer(
    name="labrunner",
    help="Run hands-on cloud labs on an embedded local cloud, or on real AWS.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("list")(listing.labs)
app.command("show")(listing.show)
app.command("plan")(planning.plan)
app.command("run")(running.run)
app.command("sql")(sql.sql)
app.command("ssh")(ssh.ssh)
app.command("teardown")(tearing.teardown)
app.command("status")(tearing.status)
app.command("validate")(validating.validate)
app.command("schema")(validating.schema)
app.add_typer(cloud.app, name="cloud")
