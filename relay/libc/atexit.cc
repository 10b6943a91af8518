// What is to be done at the end of the program: nothing.
//
// The kernel closes and unmaps. The C library would bring an allocator along to remember the
// destructors of static objects.
extern "C" int __cxa_atexit(void (*)(void*), void*, void*) { return 0; }
