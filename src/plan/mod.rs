//! What will be done: typed steps, and the planner that makes them of a configuration.

mod step;

pub use step::{
    Account, Environment, FileSpec, Hostname, KeyImport, KeySet, Owner, Principal, Reload, Script, Step, UnitCommand,
    UnitPath, UnitScope, Verb,
};
