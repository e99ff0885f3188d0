//! The rows of the table that were needed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::wanted::ROWS;

static CASES: AtomicUsize = AtomicUsize::new(0);
static USED: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

/// A case got as far as comparing.
pub fn count_case() {
    CASES.fetch_add(1, Ordering::Relaxed);
}

/// Returns the number of compared cases.
pub fn cases() -> usize {
    CASES.load(Ordering::Relaxed)
}

/// A row of the table was needed.
pub fn count_row(number: usize) {
    USED.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
}

/// Returns the rows that no case needed.
pub fn unused() -> Vec<String> {
    let used = USED.lock().unwrap_or_else(PoisonError::into_inner);
    let unused = ROWS.iter().enumerate().filter(|(number, _)| !used.contains(number));
    unused.map(|(_, row)| format!("{} in {}: {} ({})", row.id, row.configs, row.subject, row.reason)).collect()
}
