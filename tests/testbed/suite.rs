//! Cases: closures over a machine, turned into tests with names.

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
    /// The message and place of this thread's last panic.
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
    /// Cases whose names begin with `name::`.
    pub fn group(&mut self, name: &str, cases: impl FnOnce(&mut Self)) {
        name.clone_into(&mut self.group);
        cases(self);
        self.group.clear();
    }

    /// A case in a machine of its own.
    pub fn fresh(&mut self, name: &str, case: impl FnOnce(&Machine) + Send + 'static) {
        self.boot(name, Boot::default(), case);
    }

    /// A case in a machine of its own, booted with something in it.
    pub fn boot(&mut self, name: &str, options: Boot, case: impl FnOnce(&Machine) + Send + 'static) {
        self.add(name, move || {
            let machine = attempt(|| options.boot()).map_err(Failed::from)?;
            outcome(|| machine.history(), || case(&machine)).map_err(Failed::from)
        });
    }

    /// Adds a case in a machine that is shared with other cases: it uses its own files, users and units, and leaves
    /// host name, `core`, `/etc/environment` and the like alone.
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
            // One in which a case failed is thrown away.
            pool.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(machine);
            Ok(())
        });
    }

    /// A case in a virtual machine of its own.
    pub fn vm(&mut self, name: &str, setup: Setup, case: impl FnOnce(&Vm) + Send + 'static) {
        self.add(name, move || {
            let vm = attempt(|| setup.boot()).map_err(Failed::from)?;
            outcome(|| vm.history(), || case(&vm)).map_err(Failed::from)
        });
    }

    /// Adds a case that boots its own machines, or none.
    pub fn plain(&mut self, name: &str, case: impl FnOnce() + Send + 'static) {
        self.add(name, move || attempt(case).map_err(Failed::from));
    }

    fn add(&mut self, name: &str, test: impl FnOnce() -> Result<(), Failed> + Send + 'static) {
        let name = if self.group.is_empty() { name.to_owned() } else { format!("{}::{name}", self.group) };
        self.trials.push(Trial::test(name, test));
    }
}

/// Runs `f`; returns the message of a panic.
fn attempt<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|_| PANIC.take())
}

/// Runs a case; why it failed, and all that was run in its machine.
pub(super) fn outcome(history: impl FnOnce() -> String, case: impl FnOnce()) -> Result<(), String> {
    attempt(case).map_err(|reason| format!("{reason}\n\nWhat was run in the machine:\n\n{}", history()))
}

/// The main function of a test target.
pub fn main(cases: impl FnOnce(&mut Suite)) -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The library has one filter; this one is a list, separated by commas.
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
