complete -c coreos-cloudinit -l from-file -d 'Read user-data from a file' -r
complete -c coreos-cloudinit -l from-url -d 'Fetch user-data over HTTP(S)' -r
complete -c coreos-cloudinit -l from-configdrive -d 'Read an OpenStack config drive' -r
complete -c coreos-cloudinit -l from-ec2-metadata -d 'Ask the metadata service of EC2' -r
complete -c coreos-cloudinit -l from-gce-metadata -d 'Ask the metadata service of Google Compute Engine' -r
complete -c coreos-cloudinit -l from-digitalocean-metadata -d 'Ask the metadata service of DigitalOcean' -r
complete -c coreos-cloudinit -l from-packet-metadata -d 'Ask the metadata service of Packet (Equinix Metal)' -r
complete -c coreos-cloudinit -l from-waagent -d 'Read the folder of the Azure agent' -r
complete -c coreos-cloudinit -l from-vmware-ovf-env -d 'Read an OVF environment document' -r
complete -c coreos-cloudinit -l oem -d 'Set the flags of a platform' -r
complete -c coreos-cloudinit -l convert-netconf -d 'Turn the source\'s network configuration into networkd\'s' -r
complete -c coreos-cloudinit -l workspace -d 'Keep scripts here, beneath the root [default: /var/lib/coreos-cloudinit]' -r
complete -c coreos-cloudinit -l ssh-key-name -d 'Name of the set of SSH keys [default: coreos-cloudinit]' -r
complete -c coreos-cloudinit -l root -d 'Apply to the tree in DIR instead of /' -r
complete -c coreos-cloudinit -l job-timeout -d 'Longest wait for one unit job [default: 300]' -r
complete -c coreos-cloudinit -l deadline -d 'Longest wait for everything [default: 540]' -r
complete -c coreos-cloudinit -l format -d 'Print as text or as json [default: text]' -r
complete -c coreos-cloudinit -l from-metadata-service -d 'Deprecated: as --from-ec2-metadata, at its usual address'
complete -c coreos-cloudinit -l from-cloudsigma-metadata -d 'Read CloudSigma\'s server context from the serial port'
complete -c coreos-cloudinit -l from-vmware-guestinfo -d 'Read VMware\'s guest variables'
complete -c coreos-cloudinit -l from-proc-cmdline -d 'Fetch the cloud-config-url of the kernel command line'
complete -c coreos-cloudinit -l ignore-failure -d 'Exit with 0 in spite of failures, when applying'
complete -c coreos-cloudinit -l strict -d 'Apply all of a part, or nothing of it'
complete -c coreos-cloudinit -l short-hostname -d 'Cut host names at the first dot'
complete -c coreos-cloudinit -l validate -d 'Report what is wrong with the user-data, and change nothing'
complete -c coreos-cloudinit -l dry-run -d 'Print the plan, and change nothing'
complete -c coreos-cloudinit -l print-config -d 'Print the configuration as it is understood, and change nothing'
complete -c coreos-cloudinit -l schema -d 'Print a JSON Schema of the cloud-config, for editors'
complete -c coreos-cloudinit -l status -d 'Show what the last runs did'
complete -c coreos-cloudinit -l show-secrets -d 'Print the configuration with its secrets'
complete -c coreos-cloudinit -s v -d 'More in the log'
complete -c coreos-cloudinit -s q -d 'Less in the log'
complete -c coreos-cloudinit -l version -d 'Print the version'
complete -c coreos-cloudinit -s h -l help -d 'Print help'
