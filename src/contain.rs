//! Contains panics and failing threads: each one ends only the work that it interrupts.

use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::thread;

/// Runs `work`; returns `None` if it panics. The panic hook then reports the position.
pub fn contain<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// Starts a thread that is never joined. A panic in it ends only that thread.
///
/// # Errors
///
/// The system cannot start a thread: a limit is reached or memory is exhausted.
pub fn detach(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}

/// Replaces the panic message and backtrace with one line that is passed to `report`. A panic message may hold a
/// secret.
pub fn report_panics(report: fn(&str)) {
    std::panic::set_hook(Box::new(move |info| report(&described(info.location()))));
}

fn described(place: Option<&Location<'_>>) -> String {
    let place = place.map_or_else(String::new, |place| format!(" at {}:{}", place.file(), place.line()));
    format!("error: internal error{place}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_contained() {
        assert_eq!(contain(|| 7), Some(7));
        assert_eq!(contain(|| -> u8 { panic!("hunter2") }), None);
    }

    #[test]
    fn a_panic_is_reported_without_its_message() {
        let place = Location::caller();
        assert_eq!(described(Some(place)), format!("error: internal error at src/contain.rs:{}\n", place.line()));
        assert_eq!(described(None), "error: internal error\n");
    }

    #[test]
    fn a_detached_thread_runs() {
        let (sender, receiver) = std::sync::mpsc::channel();
        detach("test", move || sender.send(7).unwrap()).unwrap();
        assert_eq!(receiver.recv(), Ok(7));
    }
}
