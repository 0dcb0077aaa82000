package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

// cpuid generates a function for the instruction CPUID.
func cpuid(c *build.Context) {
	c.Function("cpuid")
	c.Attributes(attr.NOSPLIT)
	c.SignatureExpr("func(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32)")
	c.Doc("cpuid executes CPUID, which describes the processor.")
	c.Load(c.Param("leaf"), reg.EAX)
	c.Load(c.Param("subleaf"), reg.ECX)
	c.CPUID()
	c.Store(reg.EAX, c.Return("eax"))
	c.Store(reg.EBX, c.Return("ebx"))
	c.Store(reg.ECX, c.Return("ecx"))
	c.Store(reg.EDX, c.Return("edx"))
	c.RET()
}

// xgetbv generates a function for the instruction XGETBV of register 0.
func xgetbv(c *build.Context) {
	c.Function("xgetbv")
	c.Attributes(attr.NOSPLIT)
	c.SignatureExpr("func() (eax uint32)")
	c.Doc("xgetbv returns the lower half of XCR0, the registers that the system saves. It requires OSXSAVE.")
	c.XORL(reg.ECX, reg.ECX)
	c.XGETBV()
	c.Store(reg.EAX, c.Return("eax"))
	c.RET()
}
