//! VMware's backdoor: an I/O port that the hypervisor serves. This file contains nothing else, because it can be tested
//! only under that hypervisor.

use anyhow::Result;

/// Access to guest variables.
pub trait Port: Send + Sync {
    /// Returns true on a virtual machine of VMware. On other machines, the port must not be accessed.
    fn is_here(&self) -> bool;

    /// Returns the value of a variable, given by its full name; `None` if it is not set.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>>;
}

/// The I/O port.
pub struct Backdoor;

/// The reason why the backdoor is unavailable.
pub const ELSEWHERE: &str = if cfg!(target_arch = "x86_64") {
    "not a VMware machine"
} else {
    "VMware's guest variables can be read only on x86-64"
};

#[cfg(target_arch = "x86_64")]
impl Port for Backdoor {
    fn is_here(&self) -> bool {
        vmw_backdoor::is_vmware_cpu()
    }

    /// Opens a channel for each request, as VMware's tools do.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        use anyhow::anyhow;

        anyhow::ensure!(self.is_here(), ELSEWHERE);
        let failed = |error| anyhow!("failed to read {name}: {error}");
        // The hypervisor serves every process that may access I/O ports. A kernel in lockdown does not permit this
        // access; then the rules of the hypervisor for unprivileged processes apply.
        let mut guard = match vmw_backdoor::access_backdoor_privileged() {
            Ok(guard) => guard,
            Err(_) => vmw_backdoor::access_backdoor().map_err(failed)?,
        };
        guard.probe_vmware_backdoor().map_err(failed)?;
        guard.open_enhanced_chan().map_err(failed)?.get_guestinfo(name.as_bytes()).map_err(failed)
    }
}

#[cfg(not(target_arch = "x86_64"))]
impl Port for Backdoor {
    fn is_here(&self) -> bool {
        false
    }

    fn read(&self, _: &str) -> Result<Option<Vec<u8>>> {
        anyhow::bail!(ELSEWHERE)
    }
}
