//! Test cases: closures that get a machine, with names.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Failed, Trial};

use super::boot::Boot;
use super::machine::Machine;
use super::sandbox;
use super::vm::{Setup, Vm};

/// The number of machines in parallel unless `--test-threads` sets it.
const THREADS: usize = 2;

thread_local! {
    /// The message and position of the last panic of this thread.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

type Pool = Arc<Mutex<Vec<Machine>>>;

/// The cases of a test target.
pub struct Suite {
    group: String,
    trials: Vec<Trial>,
    pool: Pool,
}

impl Suite {
    /// Adds a group of cases, whose names begin with `name::`.
    pub fn group(&mut self, name: &str, cases: impl FnOnce(&mut Self)) {
        name.clone_into(&mut self.group);
        cases(self);
        self.group.clear();
    }

    /// Adds a case with its own machine.
    pub fn fresh(&mut self, name: &str, case: impl FnOnce(&Machine) + Send + 'static) {
        self.boot(name, Boot::default(), case);
    }

    /// Adds a case with its own machine, which boots with `options`.
    pub fn boot(&mut self, name: &str, options: Boot, case: impl FnOnce(&Machine) + Send + 'static) {
        self.add(name, move || {
            let machine = attempt(|| options.boot()).map_err(Failed::from)?;
            outcome(|| machine.history(), || case(&machine)).map_err(Failed::from)
        });
    }

    /// Adds a case in a machine that several cases share. It uses its own files, users and units, and does not change
    /// the host name, `core`, `/etc/environment` and similar global state.
    pub fn shared(&mut self, name: &str, case: impl FnOnce(&Machine) + Send + 'static) {
        let pool = Arc::clone(&self.pool);
        self.add(name, move || {
            let idle = pool.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop();
            let machine = match idle {
                Some(machine) => machine,
                None => attempt(|| Boot::default().boot()).map_err(Failed::from)?,
            };
            machine.forget();
            outcome(|| machine.history(), || case(&machine)).map_err(Failed::from)?;
            // A machine in which a case failed is not reused.
            pool.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(machine);
            Ok(())
        });
    }

    /// Adds a case with its own virtual machine.
    pub fn vm(&mut self, name: &str, setup: Setup, case: impl FnOnce(&Vm) + Send + 'static) {
        self.add(name, move || {
            let vm = attempt(|| setup.boot()).map_err(Failed::from)?;
            outcome(|| vm.history(), || case(&vm)).map_err(Failed::from)
        });
    }

    /// Adds a case that boots machines itself, or needs none.
    pub fn plain(&mut self, name: &str, case: impl FnOnce() + Send + 'static) {
        self.add(name, move || attempt(case).map_err(Failed::from));
    }

    fn add(&mut self, name: &str, test: impl FnOnce() -> Result<(), Failed> + Send + 'static) {
        let name = if self.group.is_empty() { name.to_owned() } else { format!("{}::{name}", self.group) };
        self.trials.push(Trial::test(name, test));
    }
}

/// Runs `f`. Returns the message if it panics.
fn attempt<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|_| PANIC.take())
}

/// Runs a case. The error is the reason for its failure, with the commands that were run in its machine.
pub(super) fn outcome(history: impl FnOnce() -> String, case: impl FnOnce()) -> Result<(), String> {
    attempt(case).map_err(|reason| format!("{reason}\n\nWhat was run in the machine:\n\n{}", history()))
}

/// The main function of a test target.
pub fn main(cases: impl FnOnce(&mut Suite)) -> ExitCode {
    let mut arguments = Arguments::from_args();
    // libtest-mimic supports one filter; this one is a list separated by commas.
    let filters = arguments.filter.take_if(|filter| filter.contains(','));
    let trials = || {
        let mut suite = Suite { group: String::new(), trials: Vec::new(), pool: Pool::default() };
        cases(&mut suite);
        if let Some(filters) = filters {
            suite.trials.retain(|trial| filters.split(',').any(|filter| trial.name().contains(filter)));
        }
        suite.trials
    };
    if arguments.list {
        return libtest_mimic::run(&arguments, trials()).exit_code();
    }
    arguments.test_threads.get_or_insert(THREADS);
    sandbox::run(|| {
        set_hook(Box::new(|info| PANIC.set(info.to_string())));
        libtest_mimic::run(&arguments, trials()).exit_code()
    })
}
