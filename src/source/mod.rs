//! The sources of user-data and metadata (docs/datasources.md): one file per data source, and one table of all.
//!
//! A source only reads; only a serial line also gets requests. The data of a platform is untrusted: its size, depth and
//! time are limited, and it is never printed.
//!
//! A run uses a source in this order (docs/applying.md): [`choose()`], then [`Datasource::meta_data`], then, after the
//! network is set up from the metadata, [`Datasource::user_data`]. If one of the last two fails, the other is still
//! used.

pub mod choose;
pub mod cloudsigma;
pub mod configdrive;
pub mod context;
mod digitalocean;
pub mod ec2;
pub mod file;
mod files;
pub mod gce;
mod json;
mod json_service;
mod meta_data;
mod metadata_service;
pub mod nocloud;
mod packet;
mod platform;
pub mod proc_cmdline;
mod service;
mod session;
pub mod table;
pub mod url;
pub mod vmware;
pub mod waagent;
mod xml;

use anyhow::Result;

pub use choose::{Candidate, NoSource, choose};
pub use context::{Context, Places, Policy, Probing, Setup};
pub use meta_data::{Addresses, MetaData};
pub use table::{Entry, OEMS, Oem, TABLE, candidates, oem};

/// The availability of a source. A reason contains the name of the source, without credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// The source is available.
    Here,
    /// The source is not available yet.
    NotYet(String),
    /// The source cannot become available.
    Never(String),
}

/// A source of user-data and metadata (docs/datasources.md).
pub trait Datasource: Send + Sync {
    /// Returns the name of the user-data in the log: a path or a URL without credentials.
    fn name(&self) -> String;

    /// Checks once whether the source is available.
    fn probe(&self, cx: &Context<'_>) -> Availability;

    /// Returns true if the source is known to be available. This check does not block.
    fn is_at_hand(&self) -> bool {
        false
    }

    /// Reads the metadata of the platform. Values that could not be read are skipped, and listed as failures in the
    /// result.
    fn meta_data(&self, cx: &Context<'_>) -> MetaData;

    /// Reads the user-data; the result is empty if the platform has none.
    fn user_data(&self, cx: &Context<'_>) -> Result<Vec<u8>>;
}
