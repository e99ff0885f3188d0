//! From the source to what its parts ask for.

use std::time::Duration;

use super::{Surroundings, fail};
use crate::cli::{Mode, Options};
use crate::deadline::Deadline;
use crate::outcome::Outcome;
use crate::parts::{self, Form, Part};
use crate::reading::{self, Reading};
use crate::source;
use crate::substitute::{Address, Addresses};

/// Choosing and reading the source may take this long (spec §1).
const SOURCE_LIMIT: Duration = Duration::from_secs(300);

/// Fetches and reads all there is; what cannot be is in the outcome.
pub(super) fn gather(
    options: &Options,
    surroundings: &Surroundings<'_>,
    outcome: &mut Outcome,
) -> (Vec<Reading>, Addresses) {
    // By hand, a file that is not there is a typing mistake; at boot it may still come.
    let patience = if options.mode == Mode::Apply { options.deadline.min(SOURCE_LIMIT) } else { Duration::ZERO };
    let addresses = addresses(surroundings.variable);
    let fetched = match source::file::fetch(&options.from_file, Deadline::after(patience), surroundings.stop) {
        Ok(fetched) => fetched,
        Err(error) => {
            fail(outcome, format!("{error:#}"));
            return (Vec::new(), addresses);
        }
    };
    let parts = parts::split(&fetched.name, fetched.bytes);
    announce(&parts);
    let read = |part| reading::read(part, &addresses, options.short_hostname);
    let readings = parts.into_iter().map(read).collect();
    (readings, addresses)
}

/// Logs what there is, where that is more than one part, and what is left to others.
fn announce(parts: &[Part]) {
    for part in parts {
        match part.form {
            Form::Ignition => {
                log::info!("{}: this is an Ignition configuration, which is left to Ignition", part.name);
            }
            form if parts.len() > 1 => log::info!("{}: {}", part.name, form.words()),
            _ => {}
        }
    }
}

/// The addresses that the environment knows (spec §4).
fn addresses(variable: &dyn Fn(&str) -> Option<String>) -> Addresses {
    let mut addresses = Addresses::default();
    for kind in Address::ALL {
        let known = variable(kind.variable()).is_none_or(|text| addresses.learn(kind, &text));
        if !known {
            log::warn!("{} is no address of its family; it is taken as unknown", kind.variable());
        }
    }
    addresses
}
