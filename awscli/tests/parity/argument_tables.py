"""A plugin of the official AWS CLI: prints the options of the services in TABLES_OF, one command a line, and ends it."""
import json
import os
import sys


def awscli_initialize(event_handlers):
    # The driver that is made here loads its plugins, too.
    services = os.environ.pop("TABLES_OF", None)
    if services is None:
        return
    try:
        from awscli.clidriver import create_clidriver

        commands = create_clidriver().subcommand_table
        for service in services.split(","):
            operations = commands[service].subcommand_table
            for name, operation in operations.items():
                if type(operation).__name__ != "ServiceOperation":
                    continue
                options = [
                    [option, bool(argument.required), bool(getattr(argument, "_UNDOCUMENTED", False))]
                    for option, argument in operation.arg_table.items()
                ]
                print(json.dumps([service, name, options]))
        sys.stdout.flush()
        os._exit(0)
    except BaseException as error:
        print(repr(error), file=sys.stderr)
        sys.stderr.flush()
        os._exit(1)
