// SPDX-License-Identifier: GPL-2.0-or-later
// Bytes as a program: a sequence of calls with arguments as they come. The fake aborts on what Linux would not survive, and
// Module's destructor on what is left over.
#include <cstddef>
#include <cstring>
#include <vector>

#include "fake_process.hpp"

namespace {

class Bytes {
public:
	Bytes(const std::uint8_t *data, std::size_t size) : data_{data}, size_{size} {}

	bool empty() const { return size_ == 0; }
	std::uint8_t byte()
	{
		if (!size_)
			return 0;
		size_--;
		return *data_++;
	}
	bool flag() { return byte() & 1; }

	// A struct of the ABI as anybody may fill it.
	template <typename Arg>
	Arg raw()
	{
		Arg arg{};
		const std::size_t size = size_ < sizeof(arg) ? size_ : sizeof(arg);
		std::memcpy(&arg, data_, size);
		data_ += size;
		size_ -= size;
		return arg;
	}

private:
	const std::uint8_t *data_;
	std::size_t size_;
};

class Program {
public:
	explicit Program(Bytes bytes) : bytes_{bytes}, module_{personality(), 8} {}

	void run()
	{
		for (int steps = 0; steps < 64 && !bytes_.empty(); steps++)
			step();
	}

private:
	fake::Personality personality()
	{
		const std::uint8_t bits = bytes_.byte();
		return {.max_order = 4,
			.features = (bits & 1 ? PTELAB_HAS_ZAP_SPECIAL : 0) | (bits & 2 ? PTELAB_HAS_ZAP_SPECIAL_MIXED : 0) |
				    (bits & 4 ? PTELAB_HAS_ZAP_VMA : 0),
			.remap_leaves_ptes = (bits & 8) != 0,
			.faults_under_vma_lock = (bits & 16) != 0,
			.adjacent_singles = (bits & 32) != 0};
	}

	file *any_file() { return files_.empty() ? nullptr : files_[bytes_.byte() % files_.size()]; }
	unsigned long address()
	{
		const unsigned long page = bytes_.byte() % 12;
		const unsigned long base = maps_.empty() ? 0 : maps_[bytes_.byte() % maps_.size()];
		return base + page * fake::Kernel::get().page_bytes();
	}

	void close(file *file)
	{
		std::erase(files_, file);
		user_.close(file);
	}

	void step()
	{
		switch (bytes_.byte() % 12) {
		case 0:
			if (file *const file = user_.open(module_, 1 + bytes_.byte() % (PTELAB_METHODS - 1U), bytes_.flag()))
				files_.push_back(file);
			return;
		case 1:
			user_.munmap(address(), 1 + bytes_.byte() % 8);
			return;
		case 2:
			user_.read(address());
			return;
		case 3:
			user_.write(address(), bytes_.byte());
			return;
		case 4:
			fake::Kernel::get().fail_call(bytes_.byte());
			return;
		case 5:
			fork();
			return;
		default:
			if (file *const file = any_file())
				step_on(file);
		}
	}

	void fork()
	{
		fake::Process child;
		user_.fork_into(child);
		child.run();
		child.write(address(), 1);
		user_.run();
	}

	void step_on(file *file)
	{
		ptelab_session *const session = file->session;
		switch (bytes_.byte() % 16) {
		case 0:
			close(file);
			return;
		case 1:
		case 2: {
			const std::uint8_t bits = bytes_.byte();
			const fake::Mapped map = user_.mmap(file, bits >> 4, bytes_.byte() % 9,
							    {.write = (bits & 1) != 0, .exec = (bits & 14) == 14,
							     .is_private = (bits & 2) != 0});
			if (map.ok())
				maps_.push_back(map.at());
			return;
		}
		case 3:
			setup(session);
			return;
		case 4: {
			auto arg = bytes_.raw<ptelab_zap>();
			if (bytes_.flag()) {
				arg = {};
				arg.how = 1 + bytes_.byte() % 2;
				arg.address = address();
				arg.bytes = (bytes_.byte() % 9UL) << fake::Kernel::get().shift();
			}
			ptelab_ioctl_zap(session, &arg);
			return;
		}
		case 5: {
			auto arg = bytes_.raw<ptelab_unmap>();
			arg.reserved0 = 0;
			ptelab_ioctl_unmap(session, &arg);
			return;
		}
		case 6:
		case 7: {
			const auto arg = bytes_.flag() ? bytes_.raw<ptelab_revoke>() : ptelab_revoke{};
			if (!ptelab_ioctl_revoke(session, &arg))
				must_be_empty(file);
			return;
		}
		case 8: {
			const ptelab_revoke arg{};
			ptelab_ioctl_restore(session, &arg);
			return;
		}
		case 9:
			look_up(session);
			return;
		case 10: {
			auto query = bytes_.flag() ? bytes_.raw<ptelab_query>() : ptelab_query{};
			ptelab_ioctl_query(session, &query);
			auto stats = bytes_.raw<ptelab_stats>();
			ptelab_ioctl_stats(session, &stats);
			return;
		}
		case 11: {
			const auto where = bytes_.raw<std::array<unsigned long long, 2>>();
			std::vector<unsigned char> buffer(1UL << fake::Kernel::get().shift());
			ptelab_copy(session, where[0], where[1], buffer.data(), false);
			return;
		}
		case 12:
			inject(session);
			return;
		case 13:
			take_page(file);
			return;
		case 14:
			ptelab_drop_pages(session);
			return;
		default:
			ptelab_zap_everywhere(session);
		}
	}

	void inject(ptelab_session *session)
	{
		auto arg = bytes_.raw<ptelab_injection>();
		if (bytes_.flag()) {
			arg = {};
			arg.hook = bytes_.byte() % (PTELAB_HOOKS + 1U);
			arg.answer = bytes_.byte() % (PTELAB_ANSWERS + 1U);
			arg.error = bytes_.flag();
			arg.after = bytes_.byte() % 4;
			arg.times = bytes_.byte() % 4;
			arg.pages = bytes_.flag();
		}
		ptelab_ioctl_inject(session, &arg);
		ptelab_hook_answer(session, bytes_.byte() % PTELAB_HOOKS);
	}

	// As CALL does: a page to insert, if REVOKE lets it.
	void take_page(file *file)
	{
		ptelab_session *const session = file->session;
		const auto index = bytes_.flag() ? bytes_.raw<unsigned long>() : bytes_.byte() % 12UL;
		page *const page = ptelab_page_get(session, index);
		if (file->users > 1 && ptelab_gate_enter(session)) {
			if (!page && !file->mapping->gate.mine())
				fake::bug("the gate was passed and is not held");
			ptelab_gate_leave(session);
		}
		if (!page)
			return;
		if (ptelab_find(session, page->pfn) != index + 1)
			fake::bug("a page is not found where it came from");
		if (!ptelab_contiguous(session, index, 1))
			fake::bug("one page is not in a row");
		fake::Kernel::get().put(page);
	}

	static void must_be_empty(const file *file)
	{
		for (const vm_area_struct *const vma : file->mapping->mappings) {
			const auto first = vma->mm->ptes.lower_bound(vma->start);
			if (first != vma->mm->ptes.end() && first->first < vma->end)
				fake::bug("REVOKE has returned and something is mapped");
		}
	}

	void setup(ptelab_session *session)
	{
		auto arg = bytes_.raw<ptelab_region_setup>();
		if (bytes_.flag()) {
			arg = {};
			arg.backing = bytes_.byte() % (PTELAB_BACKINGS + 1U);
			arg.pages = bytes_.byte() % 18;
			arg.cache = bytes_.byte() % (PTELAB_CACHES + 1U);
			arg.fault_action = bytes_.byte() % (PTELAB_FAULT_ACTIONS + 1U);
			arg.fault_after = bytes_.byte() % 4;
			arg.fault_times = bytes_.byte() % 4;
			arg.fault_delay_ms = bytes_.byte() % 2;	// DELAY and STALE want one
		}
		// Thousands of pages find nothing that a few do not, and take long.
		if (arg.pages < 32 || arg.pages > 65536)
			if (ptelab_ioctl_region_setup(session, &arg) == 0)
				ptelab_setup_ended(session);
	}

	void look_up(ptelab_session *session)
	{
		auto arg = bytes_.raw<ptelab_lookup>();
		if (bytes_.flag()) {
			arg = {};
			arg.address = address();
			arg.bytes = (bytes_.byte() % 9UL) << fake::Kernel::get().shift();
		}
		const long count = ptelab_ioctl_lookup_entries(&arg);
		if (count <= 0)
			return;
		std::vector<ptelab_pte> entries(static_cast<unsigned long>(count));
		ptelab_ioctl_lookup(session, &arg, entries.data(), bytes_.flag());
	}

	Bytes bytes_;
	fake::Module module_;
	fake::Process user_;
	std::vector<file *> files_;
	std::vector<unsigned long> maps_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	Program{Bytes{data, size}}.run();
	return 0;
}
