package check
import ("testing";"os")
func TestTry(t *testing.T){ for _,p:=range []string{"/work/shared/corpus/apiops/SampleArtifacts","/work/shared/corpus/policies/valid"} { r,err:=Run(p,Options{}); if err!=nil{t.Fatal(err)}; _ = Write(os.Stdout,r,"text") } }
