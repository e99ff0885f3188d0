//! The cases, by what the machine is given.

mod oem;

use crate::testbed::Suite;

pub fn all(suite: &mut Suite) {
    suite.group("oem", oem::cases);
}
