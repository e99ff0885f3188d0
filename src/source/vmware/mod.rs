//! VMware's guest variables: over the backdoor (`--from-vmware-guestinfo`), or in an OVF environment document
//! (`--from-vmware-ovf-env`) (docs/datasources.md).

mod backdoor;
mod guestinfo;
mod ovf;
#[cfg(test)]
mod tests;
mod variables;

pub use backdoor::{Backdoor, Port};
pub use guestinfo::GuestInfo;
pub use ovf::OvfEnv;
