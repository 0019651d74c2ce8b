/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PTELAB_PCI_H
#define PTELAB_PCI_H

int ptelab_pci_init(void);
void ptelab_pci_exit(void);

#endif
