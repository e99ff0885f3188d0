//! Every section of the contract, at least once.

mod testbed;

use crate::testbed::Suite;

/// All cases, in the order of the contract.
pub fn all(suite: &mut Suite) {
    suite.group("testbed", testbed::cases);
}
