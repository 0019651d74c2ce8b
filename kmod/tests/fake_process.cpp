// SPDX-License-Identifier: GPL-2.0-or-later
#include "fake_process.hpp"

#include <algorithm>
#include <cerrno>

namespace fake {
namespace {

void put_file(file *file)
{
	Kernel &kernel = Kernel::get();
	{
		const std::lock_guard guard{kernel.data};
		if (--file->users)
			return;
	}
	{
		const std::lock_guard guard{kernel.data};
		for (PendingMmap *const pending : file->awaited.pending_mmaps)
			pending_free(pending);
	}
	ptelab_session_free(file->session);
	kernel.files--;
	delete file;
}

void count(const file *file, port_count_kind which)
{
	port_count(ptelab_session_counts(file->session), which, 1);
}

unsigned long pgoff_of(const vm_fault *vmf)
{
	return vmf->vma->pgoff + ((vmf->address - vmf->vma->start) >> Kernel::get().shift());
}

// mm/memory.c: create_huge_pud, create_huge_pmd. Asked first, where nothing of the PMD is mapped; what it answers but a fallback is final.
unsigned call_any_fault(vm_fault *vmf)
{
	const vm_area_struct *const vma = vmf->vma;
	Kernel &kernel = Kernel::get();
	ptelab_session *const session = vma->file->session;
	const ptelab_ops ops = ptelab_traits_of(vma->file->method)->ops;
	const bool huge = ops == PTELAB_OPS_HUGE || ops == PTELAB_OPS_WHOLE;
	if (huge && pud_is_none(vma->mm, vmf->address))
		if (const unsigned code = ptelab_huge_fault_pud(session, vmf, pgoff_of(vmf)); code != PORT_FAULT_FALLBACK)
			return code;
	alloc_pmd_table(vma->mm, vmf->address);
	if (huge && kernel.personality().pmd_pages && pmd_is_none(vma->mm, vmf->address)) {
		kernel.meanwhile(kernel.before_huge);
		if (const unsigned code = ptelab_huge_fault(session, vmf, pgoff_of(vmf)); code != PORT_FAULT_FALLBACK)
			return code;
		kernel.meanwhile(kernel.before_fault);
	}
	// Of the bare node as if VMA_SETUP had asked for the hook.
	return ptelab_fault(vmf, session, pgoff_of(vmf));
}

// A private copy takes the place of what is there, or of nothing.
void copy_on_write(vm_area_struct *vma, unsigned long addr, unsigned long pfn)
{
	Kernel &kernel = Kernel::get();
	page *const copy = kernel.allocate(1, false);
	copy->word = kernel.word(pfn).load();
	zap(vma, addr, addr + kernel.page_bytes(), true);
	vma->mm->ptes[addr] = {copy->pfn, copy, true, vma->write, false, true, PTELAB_CACHE_WRITE_BACK};
}

// mm/memory.c: __do_fault, finish_fault. ->fault has given a page with a reference, locked or to be locked now.
void finish_fault(vm_fault *vmf, bool locked)
{
	Kernel &kernel = Kernel::get();
	page *const given = vmf->given;
	if (!given || given->head->lock.mine() != locked)
		bug("the answer to a fault does not say whether its page is locked");
	if (!locked)
		given->head->lock.lock();
	kernel.meanwhile(kernel.before_pte);
	{
		const std::lock_guard guard{kernel.data};
		vmf->vma->mm->early_tables.erase(pmd_start(vmf->address));
		if (!vmf->vma->mm->ptes.contains(vmf->address)) {
			if (vmf->write && is_cow(vmf->vma))
				copy_on_write(vmf->vma, vmf->address, given->pfn);
			else
				set_pte(vmf->vma, vmf->address, given->pfn, given);
		}
	}
	given->head->lock.unlock();
	kernel.put(given);
}

// mm/memory.c: copy_page_range; pages that a fault can bring again are left out, private copies are shared until a write.
void copy_ptes(const vm_area_struct *from, vm_area_struct *to)
{
	auto &ptes = from->mm->ptes;
	for (auto it = ptes.lower_bound(from->start); it != ptes.end() && it->first < from->end; ++it) {
		Pte &pte = it->second;
		if (pte.huge || (!from->pfnmap && !from->mixedmap && !pte.anonymous))
			continue;
		set_pte(to, it->first, pte.pfn, pte.normal);
		to->mm->ptes[it->first].anonymous = pte.anonymous;
		if (is_cow(from))
			pte.write = false;
	}
}

} // namespace

Module::Module(const Personality &personality, unsigned long pages) : pages_{pages}
{
	Kernel::get().boot(personality);
	Kernel::get().device(pages);
	if (load())
		bug("the module does not load");
}

Module::~Module()
{
	unload();
	Kernel::get().shut_down();
}

int Module::load()
{
	for (unsigned method = 1; method < PTELAB_METHODS; method++) {
		port_device *const device = method == PTELAB_IOMAP ? Kernel::get().device() : nullptr;
		const int error = ptelab_node_new(&nodes_[method], method, pages_, device);
		if (error) {
			nodes_[method] = nullptr;
			unload();
			return error;
		}
	}
	return 0;
}

void Module::unload()
{
	Kernel::get().fail_call(0);
	for (ptelab_node *&node : nodes_) {
		if (node)
			ptelab_node_free(node);
		node = nullptr;
	}
}

void Module::unplug()
{
	ptelab_node_kill(nodes_[PTELAB_IOMAP]);
	Kernel::get().device()->plugged = false;
}

Process::Process() : mm_{new Mm}
{
	Kernel::get().mms++;
	run();
}

void Process::run()
{
	current = mm_;
}

file *Process::open(Module &module, unsigned method, bool may_write)
{
	auto file = std::make_unique<::file>();
	file->method = method;
	file->may_write = may_write;
	open_error_ = ptelab_session_new(&file->session, module.node(method), file.get(), &file->awaited, &file->account,
					 &file->misuser);
	if (open_error_)
		return nullptr;
	Kernel::get().files++;
	files_.push_back(file.get());
	return file.release();
}

void Process::close(file *file)
{
	const auto found = std::find(files_.begin(), files_.end(), file);
	if (found == files_.end())
		bug("a file is closed that is not open");
	files_.erase(found);
	put_file(file);
}

Mapped Process::mmap(file *file, unsigned long pages, unsigned long pgoff, const MapFlags &flags)
{
	Kernel &kernel = Kernel::get();
	if (pages == 0)
		return -EINVAL;
	if (!flags.is_private && flags.write && !file->may_write)
		return -EACCES;
	const unsigned long bytes = pages << kernel.shift();
	// mm/mmap.c: file_mmap_ok
	if (pgoff > (~0UL - bytes) >> kernel.shift())
		return -EOVERFLOW;
	auto owned = std::make_unique<vm_area_struct>();
	vm_area_struct *const vma = owned.get();
	mm_->mmap_lock.lock();
	vma->mm = mm_;
	vma->start = mm_->next;
	vma->end = vma->start + bytes;
	vma->pgoff = pgoff;
	vma->may_write = flags.is_private || file->may_write;
	vma->shared = !flags.is_private && file->may_write;
	vma->write = flags.write;
	vma->exec = flags.exec;
	vma->file = file;
	std::vector<::file *> released;
	const unsigned long at = vma->start;
	const int error = ptelab_traits_of(file->method)->prepares ? prepare(std::move(owned), released) :
									    map(std::move(owned), flags.fails_after);
	mm_->mmap_lock.unlock();
	std::for_each(released.begin(), released.end(), put_file);
	return error ? Mapped{error} : Mapped{static_cast<long>(at)};
}

void Process::link_new(vm_area_struct *vma)
{
	Kernel &kernel = Kernel::get();
	kernel.meanwhile(kernel.before_link);
	{
		const std::lock_guard guard{kernel.data};
		vma->file->users++;
	}
	// Room for the VMA to grow, and a hole behind it.
	mm_->next = vma->end + ((vma->end - vma->start) << 1) + kernel.page_bytes();
	link(vma);
	kernel.vmas++;
}

// mm/vma.c: __mmap_new_file_vma. The VMA is filled first and linked then.
int Process::map(std::unique_ptr<vm_area_struct> vma, unsigned long fails_after)
{
	Kernel &kernel = Kernel::get();
	vma->in_mmap = true;
	int error = fails_after ? ptelab_mmap_part(vma->file->session, vma.get(), fails_after) :
				  ptelab_mmap(vma->file->session, vma.get());
	if (fails_after && !error)
		error = -EIO;
	vma->in_mmap = false;
	if (!error) {
		link_new(vma.release());
		return 0;
	}
	// ->close is not called: what ->mmap has taken, it must have given back.
	if (vma->pending)
		bug("a failed ->mmap leaves its VMA tracked");
	kernel.meanwhile(kernel.before_zap);
	zap(vma.get(), vma->start, vma->end, true);
	return error;
}

// [start, addr) stays in the VMA, [addr, end) gets one of its own.
int Process::split(unsigned long addr)
{
	vm_area_struct *const vma = find_vma(mm_, addr);
	if (!vma || vma->start == addr)
		return 0;
	if (const int error = ptelab_may_split(vma->file->session))
		return error;
	Kernel &kernel = Kernel::get();
	auto *const rest = new vm_area_struct{*vma};
	rest->start = addr;
	rest->pgoff += (addr - vma->start) >> kernel.shift();
	vma->end = addr;
	{
		const std::lock_guard guard{kernel.data};
		rest->file->users++;
	}
	kernel.vmas++;
	link(rest);
	copied(rest);
	count(rest->file, PORT_OPENS);
	return 0;
}

// mm/mmap.c: unmap_region. The entries go first: whoever looks through the rmap finds them as long as they are there.
void Process::remove(vm_area_struct *vma, std::vector<file *> &released)
{
	zap(vma, vma->start, vma->end, true);
	unlink(vma);
	gone(vma);
	count(vma->file, PORT_CLOSES);
	released.push_back(vma->file);
	free_pmd_tables(vma->mm, vma->start, vma->end);
	Kernel::get().vmas--;
	delete vma;
}

int Process::munmap(unsigned long addr, unsigned long pages)
{
	const unsigned long end = addr + (pages << Kernel::get().shift());
	std::vector<file *> released;
	mm_->mmap_lock.lock();
	int error = split(addr);
	if (!error)
		error = split(end);
	for (unsigned long at = addr; !error && at < end; at += Kernel::get().page_bytes())
		if (vm_area_struct *const vma = find_vma(mm_, at))
			remove(vma, released);
	mm_->mmap_lock.unlock();
	// The kernel defers ->release to the return to user space, where no lock is held.
	std::for_each(released.begin(), released.end(), put_file);
	return error;
}

bool Process::protect_exec(unsigned long addr)
{
	const vm_area_struct *const vma = find_vma(mm_, addr);
	return vma && vma->may_exec;
}

bool Process::grow(unsigned long addr, unsigned long pages)
{
	vm_area_struct *const vma = find_vma(mm_, addr);
	if (!vma || vma->dont_expand)
		return false;
	mm_->mmap_lock.lock();
	vma->linked->rmap.lock();
	vma->end = vma->start + (pages << Kernel::get().shift());
	vma->linked->rmap.unlock();
	mm_->mmap_lock.unlock();
	return true;
}

unsigned long Process::present() const
{
	const std::lock_guard guard{Kernel::get().data};
	return mm_->ptes.size();
}

Touch Process::touch(unsigned long addr, bool write, std::uint64_t word)
{
	Kernel &kernel = Kernel::get();
	const unsigned long page_addr = addr & ~(kernel.page_bytes() - 1);
	bool under_vma_lock = kernel.personality().faults_under_vma_lock;
	for (int tries = 0; tries < 64; tries++) {
		mm_->mmap_lock.lock_shared();
		vm_area_struct *const vma = find_vma(mm_, page_addr);
		if (!vma || (write && !vma->write)) {
			mm_->mmap_lock.unlock_shared();
			return kSegv;
		}
		{
			const std::lock_guard guard{kernel.data};
			auto pte = mm_->ptes.find(page_addr);
			if (pte != mm_->ptes.end() && write && !pte->second.write) {
				if (!is_cow(vma))
					bug("a shared mapping has an entry that its owner cannot write");
				copy_on_write(vma, page_addr, pte->second.pfn);
				pte = mm_->ptes.find(page_addr);
			}
			if (pte != mm_->ptes.end()) {
				Word &at = kernel.word(pte->second.pfn);
				if (write)
					at = word;
				pte->second.dirty |= write;
				const Touch done = value(at.load());
				mm_->mmap_lock.unlock_shared();
				return done;
			}
		}
		vm_fault vmf{vma, page_addr, write, true, under_vma_lock};
		const unsigned code = call_any_fault(&vmf);
		under_vma_lock = false;
		if (code == PORT_FAULT_RETRY)
			continue;
		if (code == PORT_FAULT_LOCKED || code == 0)
			finish_fault(&vmf, code == PORT_FAULT_LOCKED);
		else if (vmf.given)
			bug("a page is given and the fault answered otherwise");
		mm_->mmap_lock.unlock_shared();
		if (code == PORT_FAULT_SIGBUS)
			return kSigbus;
		if (code == PORT_FAULT_OOM)
			return {Outcome::kOom, 0};
		if (code == PORT_FAULT_SIGSEGV)
			return kSegv;
		if (code == PORT_FAULT_HWPOISON)
			return {Outcome::kHwPoison, 0};
		if (code != 0 && code != PORT_FAULT_LOCKED && code != PORT_FAULT_NOPAGE)
			bug("a fault is answered with a code that does not exist");
	}
	return {Outcome::kEndless, 0};
}

void Process::fork_into(Process &child)
{
	Kernel &kernel = Kernel::get();
	mm_->mmap_lock.lock();
	child.mm_->next = mm_->next;
	const auto vmas = mm_->vmas;
	for (const auto &[start, vma] : vmas) {
		auto *const copy = new vm_area_struct{*vma};
		copy->mm = child.mm_;
		{
			const std::lock_guard guard{kernel.data};
			copy->file->users++;
		}
		kernel.vmas++;
		link(copy);
		{
			const std::lock_guard guard{kernel.data};
			copy_ptes(vma, copy);
		}
		copied(copy);
		count(copy->file, PORT_OPENS);
	}
	for (file *const file : files_) {
		const std::lock_guard guard{kernel.data};
		file->users++;
		child.files_.push_back(file);
	}
	mm_->mmap_lock.unlock();
}

void Process::exit()
{
	if (!mm_)
		return;
	std::vector<file *> released;
	mm_->mmap_lock.lock();
	while (!mm_->vmas.empty())
		remove(mm_->vmas.begin()->second, released);
	mm_->mmap_lock.unlock();
	std::for_each(released.begin(), released.end(), put_file);
	while (!files_.empty())
		close(files_.back());
	put_mm(mm_);
	if (current == mm_)
		current = nullptr;
	mm_ = nullptr;
}

} // namespace fake
