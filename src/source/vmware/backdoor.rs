//! VMware's backdoor: a port of the processor that the hypervisor answers. Nothing else is in this file, since it
//! cannot be tried without one.

use anyhow::Result;

/// How guest variables are asked for.
pub trait Port: Send + Sync {
    /// Returns true on a machine of VMware: elsewhere the port must not be touched.
    fn is_here(&self) -> bool;

    /// The value of a variable by its whole name, `None` where it is not set.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>>;
}

/// The port itself.
pub struct Backdoor;

#[cfg(target_arch = "x86_64")]
impl Port for Backdoor {
    fn is_here(&self) -> bool {
        vmw_backdoor::is_vmware_cpu()
    }

    /// Each question is asked over a channel of its own, as VMware's tools do.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        use anyhow::anyhow;

        anyhow::ensure!(self.is_here(), "not a VMware machine");
        let failed = |error| anyhow!("failed to read {name}: {error}");
        // With the right to use ports, the hypervisor admits any process. A kernel in lockdown does not give that
        // right; then the hypervisor's own rules hold.
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
        anyhow::bail!("this processor has no VMware backdoor port")
    }
}
