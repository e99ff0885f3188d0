//! Every section of the contract, at least once.

mod access;
mod addresses;
mod at_once;
mod attacks;
mod boot;
mod cli;
mod common;
mod conversion;
mod conversion_helpers;
mod conversion_trees;
mod demo;
mod drift;
mod examples;
mod faults;
mod files;
mod hardened;
mod hostname;
mod image;
mod interrupted;
mod intruders;
mod jobs;
mod keys;
#[cfg(target_arch = "x86_64")]
mod killed;
mod network;
mod networkd;
mod nocloud;
mod options;
mod package;
mod parts;
mod places;
mod platforms;
mod readers;
mod refused;
mod reloads;
mod run;
mod samples;
mod scripts;
mod second_run;
mod secrets;
mod sections;
mod sources;
mod story;
mod stuck;
mod sysupdate;
mod testbed;
mod tree;
mod troubles;
mod units;
mod users;
mod waits;
mod yaml;

use crate::testbed::{Suite, release};

/// All cases, in the order of the contract.
pub fn all(suite: &mut Suite) {
    suite.group("testbed", testbed::cases);
    suite.group("run", run::cases);
    suite.group("at_once", at_once::cases);
    suite.group("access", access::cases);
    suite.group("second_run", second_run::cases);
    suite.group("drift", drift::cases);
    suite.group("cli", cli::cases);
    suite.group("story", story::cases);
    suite.group("tree", tree::cases);
    suite.group("parts", parts::cases);
    suite.group("addresses", addresses::cases);
    suite.group("yaml", yaml::cases);
    suite.group("sections", sections::cases);
    suite.group("options", options::cases);
    suite.group("files", files::cases);
    suite.group("places", places::cases);
    suite.group("interrupted", interrupted::cases);
    suite.group("users", users::cases);
    suite.group("keys", keys::cases);
    suite.group("units", units::cases);
    suite.group("refused", refused::cases);
    suite.group("jobs", jobs::cases);
    suite.group("readers", readers::cases);
    suite.group("reloads", reloads::cases);
    suite.group("waits", waits::cases);
    suite.group("stuck", stuck::cases);
    suite.group("network", network::cases);
    suite.group("networkd", networkd::cases);
    suite.group("networkd", networkd::seeds);
    suite.group("sources", sources::cases);
    suite.group("scripts", scripts::cases);
    suite.group("hostname", hostname::cases);
    suite.group("boot", boot::cases);
    suite.group("boot", image::cases);
    suite.group("boot", nocloud::cases);
    suite.group("package", package::cases);
    if release::has_sysupdate() {
        suite.group("sysupdate", sysupdate::cases);
    }
    suite.group("boot", platforms::cases);
    suite.group("hardened", hardened::cases);
    suite.group("secrets", secrets::cases);
    suite.group("attacks", attacks::cases);
    suite.group("intruders", intruders::cases);
    suite.group("faults", faults::cases);
    #[cfg(target_arch = "x86_64")]
    suite.group("killed", killed::cases);
    #[cfg(target_arch = "x86_64")]
    suite.group("faults", killed::refusals);
    suite.group("troubles", troubles::cases);
    suite.group("samples", samples::cases);
    suite.group("examples", examples::cases);
    suite.group("conversion", conversion::cases);
    suite.group("conversion", conversion_helpers::cases);
    suite.group("conversion", conversion_trees::cases);
    suite.group("demo", demo::cases);
}
