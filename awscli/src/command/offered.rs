//! Which words the official CLI knows at each place of a command line, for choices and suggestions.

use crate::catalog;
use crate::custom;
use crate::model::Service;

/// All words of services.
pub fn services() -> Vec<&'static str> {
    let apis = catalog::index().iter().map(|entry| entry.command.as_str());
    let own =
        custom::COMMANDS.iter().filter(|command| command.path.len() == 1).map(|command| command.path[0]);
    apis.chain(own).chain(["help"]).collect()
}

/// All words that may follow a service's.
pub fn operations(service: &Service) -> Vec<&str> {
    let wait = (!service.waiters.is_empty()).then_some("wait");
    service.commands().chain(custom::subcommands(&service.command)).chain(wait).chain(["help"]).collect()
}
