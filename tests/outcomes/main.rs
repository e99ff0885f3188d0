//! The results of the reference for real configs: this program leaves the same machine behind.
//!
//! Each outcome of the corpus is reproduced in a machine of its own, and then a second time in the
//! same one, which must write nothing. `wanted` lists what may differ and why.

use std::process::ExitCode;

mod case;
mod compare;
mod outcome;
mod tally;
#[path = "../testbed/mod.rs"]
mod testbed;
mod wanted;

use outcome::Outcome;

fn main() -> ExitCode {
    let corpus = outcome::corpus();
    if !corpus.join("outcomes").is_dir() {
        println!("skipped: there is no corpus of configs at {} (CORPUS says where)", corpus.display());
        return ExitCode::SUCCESS;
    }
    let outcomes = match Outcome::all(&corpus) {
        Ok(outcomes) => outcomes,
        Err(reason) => {
            eprintln!("outcomes: {reason}");
            return ExitCode::FAILURE;
        }
    };
    let count = outcomes.len();
    let code = testbed::suite::main(|suite| {
        for outcome in outcomes {
            suite.fresh(&outcome.name.clone(), move |machine| case::reproduce(machine, &outcome));
        }
    });
    // The sandbox runs this program again; a process that did not see every case cannot judge the rows.
    if tally::cases() < count || tally::unused().is_empty() {
        return code;
    }
    eprintln!("outcomes: nothing differs for these reasons any more:\n{}", tally::unused().join("\n"));
    ExitCode::FAILURE
}
