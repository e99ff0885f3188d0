//! `--from-vmware-guestinfo`: guest variables over the backdoor (docs/datasources.md).

use anyhow::Result;

use super::backdoor::{ELSEWHERE, Port};
use super::ovf::Properties;
use super::variables::{self, Variables};
use crate::source::{Availability, Context, Datasource, MetaData};

/// The prefix of the names of all guest variables.
pub const PREFIX: &str = "guestinfo.";

/// VMware's guest variables.
pub struct GuestInfo<P> {
    port: P,
}

impl<P: Port> GuestInfo<P> {
    /// Creates the source for the variables behind `port`.
    pub const fn new(port: P) -> Self {
        Self { port }
    }

    /// Calls `f` with the variables of the OVF document if one is set, otherwise with the guest variables.
    fn with<T>(&self, f: impl FnOnce(&dyn Variables) -> T) -> Result<T> {
        let document = self.get("ovfenv")?.unwrap_or_default();
        if document.iter().all(u8::is_ascii_whitespace) {
            Ok(f(self))
        } else {
            Ok(f(&Properties::read(&document, "guestinfo.ovfenv")?))
        }
    }
}

impl<P: Port> Variables for GuestInfo<P> {
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.port.read(&format!("{PREFIX}{name}"))
    }
}

impl<P: Port> Datasource for GuestInfo<P> {
    fn name(&self) -> String {
        "vmware-guestinfo".to_owned()
    }

    fn probe(&self, _: &Context<'_>) -> Availability {
        if self.port.is_here() { Availability::Here } else { Availability::Never(ELSEWHERE.to_owned()) }
    }

    fn meta_data(&self, cx: &Context<'_>) -> MetaData {
        self.with(|variables| variables::meta_data(variables, cx))
            .unwrap_or_else(|error| MetaData::failed(format!("{error:#}")))
    }

    fn user_data(&self, cx: &Context<'_>) -> Result<Vec<u8>> {
        self.with(|variables| variables::user_data(variables, cx))?
    }
}
