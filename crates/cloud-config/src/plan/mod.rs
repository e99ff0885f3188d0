//! The steps of a plan, and the planner, which derives them from a configuration.
//!
//! A plan depends only on the configuration and a few facts about the machine.

mod file_tree;
mod files;
pub mod names;
mod network;
mod paths;
mod places;
mod planner;
pub mod script;
mod sections;
mod skipped;
mod step;
pub mod text_files;
mod units;
mod users;
mod window;

pub use files::normalize;
pub use network::plan_network;
pub use places::wanted_directories;
pub(crate) use places::{DIRECTORIES, FILES};
pub use planner::{
    Access, BaseFile, CORE, Facts, Item, Plan, Planned, Refused, access, facts_wanted, plan, plan_script,
};
pub use skipped::SkippedRanges;
pub use step::{
    Account, ENVIRONMENT, Environment, FileSpec, Hostname, KernelModule, KeyImport, KeySet, Links, Owner, Principal,
    Reload, Rename, Script, Step, UNIT_ENVIRONMENT_HEADER, UNIT_ENVIRONMENTS, UnitCommand, UnitPath, UnitScope,
};
pub use units::{unit_at, unit_of};
pub use users::{
    breaks_out, is_common_shell, is_group_name, is_user_name, of_new_account, password_hash, redacted_user_name,
    url_without_secrets,
};
