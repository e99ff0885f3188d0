//! Every section of the contract, at least once.

mod files;
mod jobs;
mod keys;
mod options;
mod sections;
mod testbed;
mod units;
mod users;

use crate::testbed::Suite;

/// All cases, in the order of the contract.
pub fn all(suite: &mut Suite) {
    suite.group("testbed", testbed::cases);
    suite.group("sections", sections::cases);
    suite.group("options", options::cases);
    suite.group("files", files::cases);
    suite.group("users", users::cases);
    suite.group("keys", keys::cases);
    suite.group("units", units::cases);
    suite.group("jobs", jobs::cases);
}
